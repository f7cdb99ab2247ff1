/** Programs by what they can do. */

export const shells = [
  'sh',
  'bash',
  'zsh',
  'dash',
  'ash',
  'ksh',
  'mksh',
  'fish',
  'csh',
  'tcsh',
  'rbash',
  'busybox',
  'toybox',
]

const interpreterNames =
  /^(?:python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|tclsh|wish|osascript|pwsh|powershell|groovy|r|rscript|julia|guile|emacs|awk|gawk|mawk)[\d.]*$/

export const isShell = (name: string): boolean => shells.includes(name)
export const isInterpreter = (name: string): boolean => isShell(name) || interpreterNames.test(name)

/** The name of a program as rules speak of it: its last part, without regard to case. */
export const programName = (word: string): string =>
  word
    .slice(word.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/\.exe$/, '')
