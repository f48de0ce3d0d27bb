/** The scripts by which shells ask for completions. Each asks `hearsay complete`, so that they never grow old. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A line of `hearsay complete` that asks the shell for names of files. */
export const FILES_LINE = ':files';

/** Bash breaks a word at colons and equals signs, and replaces its last part alone. */
const BASH = `_hearsay() {
  local line=\${COMP_LINE:0:COMP_POINT} words reply files= cut
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local word=\${words[\${#words[@]}-1]}
  cut=\${word%"\${word##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r reply _; do
    if [[ $reply == ${FILES_LINE} ]]; then files=1; continue; fi
    reply=\${reply#"$cut"}
    COMPREPLY+=("$(printf '%q' "$reply")")
  done < <(hearsay complete -- "\${words[@]:1}" 2> /dev/null)
  if [[ -n $files ]]; then
    compopt -o filenames
    mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")
  fi
}
complete -F _hearsay hearsay
`;

const ZSH = `#compdef hearsay
_hearsay() {
  local line
  local -a names shown
  for line in "\${(@f)$(hearsay complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
    [[ -z $line ]] && continue
    if [[ $line == ${FILES_LINE} ]]; then _files; continue; fi
    names+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done
  (( $#names )) && compadd -l -d shown -a names
}
(( $+functions[compdef] )) || { autoload -U compinit && compinit; }
compdef _hearsay hearsay
`;

const FISH = `function __hearsay_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (hearsay complete -- $words[2..-1] 2> /dev/null)
    if test "$line" = ${FILES_LINE}
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c hearsay -f -a '(__hearsay_complete)'
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
