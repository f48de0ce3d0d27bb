/**
 * The scopes of a caller. Each stands alone: `write` does not bring `read`, and `admin` brings nothing
 * but itself.
 */
export const SCOPES = ['read', 'write', 'watch', 'metrics', 'log', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

export const isScope = (text: string): text is Scope => SCOPES.some((scope) => scope === text);

/** The scopes of which a request needs one; `nothing`: anybody may send it. */
export type Needs = 'nothing' | Scope | readonly Scope[];

/** The scopes of which one is enough; none for `nothing`. */
export const scopesOf = (needs: Needs): readonly Scope[] => {
  if (needs === 'nothing') return [];
  return typeof needs === 'string' ? [needs] : needs;
};
