/** Decides whether a command may run at all. It is read as the shell would read it; what cannot be read is refused. */
import {
  mostWords,
  readScript,
  UnreadableCommand,
  type Invocation,
  type ReadOptions,
  type Script,
} from '../shell/script.ts'
import { denyGroupNames, denyGroups, runOf, type DenyGroupName } from './groups.ts'
import { innerOf } from './unwrap.ts'

export type Verdict =
  | { allowed: true; script: Script }
  | { allowed: false; group: DenyGroupName | 'unreadable' | 'denied_path'; reason: string }

/** Which groups deny: true denies, false allows. What is not named denies. */
export type GroupOverrides = Readonly<Partial<Record<DenyGroupName, boolean>>>

export interface GuardOptions extends ReadOptions {
  overrides?: GroupOverrides | undefined
  /** Whether a word names a path that no command may name. */
  isDeniedPath?: ((word: string) => boolean) | undefined
}

const deepest = 8
const mostRuns = 5_000

interface Everything {
  invocations: Invocation[]
  scripts: Pick<Script, 'expansions' | 'assigned' | 'isForkBomb'>[]
  isDynamic: boolean
}

/** All that a script starts, and what that starts in turn. */
const everything = (script: Script, options: ReadOptions): Everything => {
  const found: Everything = { invocations: [], scripts: [script], isDynamic: false }
  let words = 0
  /** What a program starts in turn may hold its words many times over. */
  const spend = (count: number): void => {
    words += count
    if (words > mostWords) throw new UnreadableCommand('it holds too many words')
  }
  let layer: readonly Invocation[] = script.invocations
  for (let depth = 1; layer.length > 0; depth++) {
    if (depth > deepest) throw new UnreadableCommand('it holds commands inside commands, too deep')
    found.invocations.push(...layer)
    if (found.invocations.length > mostRuns) throw new UnreadableCommand('it holds too many commands')
    const inner = layer.flatMap((invocation) => innerOf(invocation, options, depth, spend))
    found.scripts.push(...inner.map(({ script }) => script))
    found.isDynamic ||= inner.some(({ isDynamic }) => isDynamic)
    layer = inner.flatMap(({ script }) => script.invocations)
  }
  return found
}

const wordsOf = ({ words, settings, redirections }: Invocation): string[] => [
  ...words,
  ...settings.map(({ value }) => value),
  ...redirections.map(({ target }) => target),
]

const deniedGroup = (
  { invocations, scripts, isDynamic }: Everything,
  overrides: GroupOverrides,
): DenyGroupName | undefined => {
  const runs = invocations.map(runOf)
  return denyGroupNames.find((name) => {
    if (overrides[name] === false) return false
    const { rules, script } = denyGroups[name]
    if (name === 'code_injection' && isDynamic) return true
    return scripts.some((one) => script?.(one)) || runs.some((run) => rules.some((rule) => rule(run)))
  })
}

/** Whether a command may run, and how it was read. Never throws for anything that a command may hold. */
export const judge = (command: string, options: GuardOptions): Verdict => {
  try {
    const script = readScript(command.replaceAll('\r\n', '\n'), options)
    const all = everything(script, options)
    const group = deniedGroup(all, options.overrides ?? {})
    if (group !== undefined) return { allowed: false, group, reason: denyGroups[group].description }
    const path = all.invocations.flatMap(wordsOf).find((word) => options.isDeniedPath?.(word))
    if (path !== undefined) return { allowed: false, group: 'denied_path', reason: 'it names a file of the system' }
    return { allowed: true, script }
  } catch (thrown) {
    if (thrown instanceof UnreadableCommand) return { allowed: false, group: 'unreadable', reason: thrown.message }
    throw thrown
  }
}
