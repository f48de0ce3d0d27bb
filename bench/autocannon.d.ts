/** The part of autocannon that the benches use; the package has no types of its own. */
declare module 'autocannon' {
  export default function autocannon(options: object): Promise<{
    readonly requests: { readonly average: number; readonly total: number };
    readonly non2xx: number;
    readonly errors: number;
  }>;
}
