/** Which commands the operator lets run: none, those that are listed, or all; and which he wants to be asked about. */
import { programName } from './guard/programs.ts'
import { anyText, couldBe } from './shell/marks.ts'
import type { Script } from './shell/script.ts'

export interface PermissionSettings {
  execSecurity: 'deny' | 'allowlist' | 'full'
  execAsk: 'off' | 'on-miss' | 'always'
  /** Names of programs or whole commands, `*` for any text. */
  execAllowlist: readonly string[]
}

/** They read, count and show, or are what people build with. */
const harmless = new Set(
  (
    'ls cat head tail wc sort uniq cut tr grep egrep fgrep rg tree stat file du df pwd echo printf date cal true false test basename dirname realpath ' +
    'readlink diff cmp comm paste join fold nl rev seq expr sed awk jq yq column which type uname whoami id hostname sleep md5sum sha256sum ' +
    'git node python python3 ruby perl php java go cargo rustc gcc g++ clang make cmake npm pnpm yarn pip pip3 tsc deno bun mvn gradle'
  ).split(' '),
)

/** Whether a text is what a line of the list says, or what its `*` lets it be. */
const fits = (line: string, text: string): boolean => couldBe(line.replaceAll('*', anyText), text)

export interface Known {
  /** An operator has let this command run always. */
  wasAllowed: boolean
  /** It installs packages, which is denied unless an operator says otherwise. */
  isInstall: boolean
}

/** @returns whether the command runs, waits for an operator's word, or is refused */
export const permissionFor = (
  { execSecurity, execAsk, execAllowlist }: PermissionSettings,
  command: string,
  { isPlain, invocations }: Pick<Script, 'isPlain' | 'invocations'>,
  { wasAllowed, isInstall }: Known,
): 'run' | 'ask' | 'refuse' => {
  if (execSecurity === 'deny') return 'refuse'
  const program = isPlain ? programName(invocations[0]!.words[0]!) : undefined
  const isListed =
    wasAllowed ||
    (!isInstall &&
      program !== undefined &&
      execAllowlist.some((line) => fits(line, program) || fits(line, command.trim())))
  if (execSecurity === 'allowlist' && !isListed) return execAsk === 'off' ? 'refuse' : 'ask'
  if (execAsk === 'always') return 'ask'
  if (isInstall) return isListed ? 'run' : 'ask'
  if (execSecurity === 'allowlist' || execAsk === 'off') return 'run'
  return isListed || (program !== undefined && harmless.has(program)) ? 'run' : 'ask'
}
