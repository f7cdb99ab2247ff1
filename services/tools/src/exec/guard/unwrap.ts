/** Programs that start other programs, and what they start. */
import { hasMark, unknownText } from '../shell/marks.ts'
import { readScript, type Invocation, type ReadOptions, type Script } from '../shell/script.ts'
import { longOption, operands, valueInCluster, valuesOfOption } from './options.ts'
import { isShell, programName } from './programs.ts'

interface Wrapper {
  /** Letters of options that take a value. */
  withValue?: string
  /** Letters of options whose value can only be the rest of their cluster. */
  withRest?: string
  /** Long options that take the next argument as their value. */
  longWithValue?: readonly string[]
  /** How many operands stand before the command. */
  skip?: number
  /** Whether those may be left out. */
  maySkip?: boolean
  /** Whether `NAME=value` may stand before it. */
  settings?: boolean
  /** Whether more arguments come from elsewhere. */
  addsArguments?: boolean
}

/** Counts words that are looked at. @throws UnreadableCommand when they are too many */
type Spend = (words: number) => void

const env: Wrapper = { withValue: 'uCa', longWithValue: ['unset', 'chdir', 'argv0'], settings: true }
const architecture: Wrapper = { skip: 1, maySkip: true }
const loader: Wrapper = {
  longWithValue: ['library-path', 'inhibit-rpath', 'audit', 'preload', 'argv0', 'glibc-hwcaps'],
}
const wrappers: Readonly<Record<string, Wrapper>> = {
  env,
  command: {},
  builtin: {},
  exec: { withValue: 'a' },
  nohup: {},
  nice: { withValue: 'n', longWithValue: ['adjustment'] },
  ionice: { withValue: 'cnpPu', longWithValue: ['class', 'classdata', 'pid', 'pgid', 'uid'] },
  time: { withValue: 'fo', longWithValue: ['format', 'output'] },
  timeout: { withValue: 'ks', longWithValue: ['kill-after', 'signal'], skip: 1 },
  stdbuf: { withValue: 'ioe', longWithValue: ['input', 'output', 'error'] },
  setsid: {},
  setarch: architecture,
  linux32: architecture,
  linux64: architecture,
  i386: architecture,
  x86_64: architecture,
  uname26: architecture,
  chrt: { withValue: 'TPD', longWithValue: ['sched-runtime', 'sched-period', 'sched-deadline'], skip: 1 },
  taskset: { skip: 1 },
  prlimit: { withValue: 'po', longWithValue: ['pid', 'output'] },
  choom: { withValue: 'np', longWithValue: ['adjust', 'pid'] },
  uclampset: { withValue: 'mMp', longWithValue: ['pid'] },
  runcon: { withValue: 'turl', longWithValue: ['type', 'user', 'role', 'range'], skip: 1, maySkip: true },
  chroot: { longWithValue: ['groups', 'userspec'], skip: 1 },
  flock: { withValue: 'wE', longWithValue: ['timeout', 'wait', 'conflict-exit-code'], skip: 1 },
  strace: { withValue: 'eopsuaEIOPSXb', longWithValue: ['trace', 'output', 'attach', 'user', 'env'] },
  ltrace: { withValue: 'eopsuanFlx' },
  unbuffer: {},
  eatmydata: {},
  fakeroot: { withValue: 'lsibf', longWithValue: ['lib', 'faked'] },
  'ssh-agent': { withValue: 'atEOP' },
  'dbus-run-session': { longWithValue: ['config-file', 'dbus-daemon'] },
  watch: { withValue: 'nq', longWithValue: ['interval', 'equexit'] },
  busybox: {},
  toybox: {},
  sudo: {
    withValue: 'ughpCTrRDtU',
    longWithValue: ['user', 'group', 'host', 'prompt', 'chdir', 'role'],
    settings: true,
  },
  doas: { withValue: 'uC' },
  xargs: {
    withValue: 'adEILnPs',
    withRest: 'eil',
    longWithValue: ['arg-file', 'delimiter', 'max-args', 'max-procs', 'max-chars', 'process-slot-var'],
    addsArguments: true,
  },
  parallel: { withValue: 'jaN', addsArguments: true },
}
/** The system's own loader starts what it is given. */
const isLoader = (name: string): boolean => /^ld(?:-linux[\w-]*|-musl[\w-]*)?\.so(?:\.\d+)?$/.test(name)

/** What these start follows one of these arguments. */
const following: Readonly<Record<string, readonly string[]>> = {
  find: ['-exec', '-execdir', '-ok', '-okdir'],
  fd: ['-x', '-X', '--exec', '--exec-batch'],
  fdfind: ['-x', '-X', '--exec', '--exec-batch'],
}

/** How far an option reaches: behind it, behind the next argument, or either where it may be short for one with a value. */
const behindOption = (
  word: string,
  { withValue = '', withRest = '', longWithValue = [] }: Wrapper,
): readonly number[] => {
  if (word === '--') return [1]
  if (!word.startsWith('--')) return valueInCluster(word, withValue, withRest) === '' ? [2] : [1]
  const { name, value } = longOption(word)
  if (value !== undefined) return [1]
  if (longWithValue.includes(name)) return [2]
  return longWithValue.some((whole) => whole.startsWith(name)) ? [1, 2] : [1]
}

interface Behind {
  /** What is left of the words for the program that is started: in every way that they could be read. */
  rests: string[][]
  /** Whether one of those ways leaves nothing. */
  mayBeNothing: boolean
}

/** What a wrapper leaves of its words; undefined where that cannot be told. */
const behind = (args: readonly string[], wrapper: Wrapper): Behind | undefined => {
  const { skip = 0, maySkip, settings } = wrapper
  const starts = new Set<number>()
  let mayBeNothing = false
  const seen = new Set<string>()
  const todo: (readonly [at: number, toSkip: number])[] = [[0, skip]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [at, toSkip] = next
    const word = args[at]
    mayBeNothing ||= word === undefined
    if (word === undefined || seen.has(next.join(' '))) continue
    seen.add(next.join(' '))
    if (word.startsWith(unknownText)) return undefined
    if (/^-./.test(word)) for (const step of behindOption(word, wrapper)) todo.push([at + step, toSkip])
    else if (settings && /^[A-Za-z_]\w*=/.test(word)) todo.push([at + 1, toSkip])
    else {
      if (toSkip > 0) todo.push([at + 1, toSkip - 1])
      if (toSkip === 0 || maySkip) starts.add(at)
    }
  }
  return { rests: [...starts].map((at) => args.slice(at)), mayBeNothing }
}

/** Whether `env` may start nothing with these arguments: then it tells its variables. */
export const mayTellVariables = (args: readonly string[]): boolean => behind(args, env)?.mayBeNothing === true

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/** `env -S` splits a text and takes its words for its own arguments, those behind it after them. */
const splitByEnv = (args: readonly string[], spend: Spend): string[] =>
  args.flatMap((argument, at) => {
    const [text] = valuesOfOption(args.slice(at, at + 2), 'S', 'split-string', 'uCa')
    if (text === undefined || !argument.startsWith('-')) return []
    const isApart = args[at + 1] === text
    const rest = args.slice(isApart ? at + 2 : at + 1)
    spend(rest.length)
    return ['env', text.replace(/\\[_tnfrv]/g, ' '), ...rest.map(quoted)].join(' ')
  })

/** The text that a shell with `-c` runs: its first operand, wherever that stands. */
const textOfShell = (args: readonly string[]): string[] => {
  let isGiven = false
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!
    if (word === '--' || word === '-') return isGiven ? args.slice(at + 1, at + 2) : []
    if (word.startsWith('--')) {
      if (['--rcfile', '--init-file'].includes(word)) at++
    } else if (/^[-+]./.test(word)) {
      isGiven ||= word.startsWith('-') && word.includes('c')
      at += [...word].filter((letter) => 'oO'.includes(letter)).length
    } else return isGiven ? [word] : []
  }
  return []
}

/** What git starts by its own arguments. */
const textsOfGit = (args: readonly string[]): string[] => {
  const after = (command: string, name: string): string[] => {
    const at = args.indexOf(name, args.indexOf(command) + 1)
    const rest = args.slice(at + 1).filter((word, place) => place > 0 || !/^--?(?:recursive|quiet|q)$/.test(word))
    return args.includes(command) && at >= 0 ? [rest.join(' ')] : []
  }
  return [
    ...args.flatMap((argument) => /^(?:-c)?alias\.[^=]*=!(.*)$/s.exec(argument)?.[1] ?? []),
    ...after('submodule', 'foreach'),
    ...after('bisect', 'run'),
    ...(args.includes('rebase') ? valuesOfOption(args, 'x', 'exec', 'sCX') : []),
  ]
}

/** Texts that a program is given to run as a shell would. Undefined for one that cannot be known. */
const scriptsOf = (name: string, args: readonly string[], spend: Spend): string[] => {
  const after = (test: (argument: string) => boolean): string[] =>
    args.flatMap((argument, at) => (test(argument) ? [args[at + 1] ?? ''] : []))
  const isGivenText = ['su', 'runuser', 'script', 'flock', 'fish'].includes(name)
  if (isShell(name) || isGivenText)
    return [
      ...after((argument) => (/^[-+][A-Za-z]+$/.test(argument) && argument.includes('c')) || argument === '--command'),
      ...textOfShell(args),
      ...(isGivenText ? valuesOfOption(args, 'c', 'command', 'EIOBTmowsGg') : []),
    ]
  if (name === 'env') return splitByEnv(args, spend)
  if (name === 'trap') return operands(args).slice(0, 1)
  if (name === 'watch') return (behind(args, wrappers['watch']!)?.rests ?? []).map((rest) => rest.join(' '))
  if (name === 'parallel') return [args.filter((argument) => !argument.startsWith('-')).join(' ')]
  if (name === 'git') return textsOfGit(args)
  return []
}

/** What a program would start in turn. */
export interface Inner {
  script: Pick<Script, 'invocations' | 'expansions' | 'assigned' | 'isForkBomb'>
  /** Whether it starts something that only running would tell. */
  isDynamic: boolean
}

const nothing: Inner['script'] = { invocations: [], expansions: [], assigned: [], isForkBomb: false }

/** Characters of a word, about: what reading a text costs. */
const charactersOfWord = 4

/**
 * What an invocation starts in turn, one layer deep.
 * @throws UnreadableCommand where a text that it is given to run cannot be read
 */
export const innerOf = (invocation: Invocation, options: ReadOptions, depth: number, spend: Spend): Inner[] => {
  const [word, ...args] = invocation.words
  if (word === undefined) return []
  const name = programName(word)
  const found: Inner[] = []
  const start = (words: readonly string[], settings: Invocation['settings'] = []): void => {
    spend(words.length)
    found.push({ script: { ...nothing, invocations: [{ ...invocation, words, settings }] }, isDynamic: false })
  }

  const wrapper = isLoader(name) ? loader : Object.hasOwn(wrappers, name) ? wrappers[name] : undefined
  if (wrapper) {
    const left = behind(args, wrapper)
    if (left === undefined) found.push({ script: nothing, isDynamic: true })
    for (const rest of left?.rests ?? []) {
      const settings = args.slice(0, args.length - rest.length).flatMap((setting) => {
        const [, variable, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(setting) ?? []
        return variable === undefined ? [] : [{ name: variable, value: value ?? '' }]
      })
      start(wrapper.addsArguments ? [...rest, unknownText] : rest, settings)
    }
  }
  if (Object.hasOwn(following, name))
    args.forEach((argument, at) => {
      if (!following[name]!.includes(argument)) return
      const rest = args.slice(at + 1)
      const end = rest.findIndex((next) => next === ';' || next === '+')
      start([...(end < 0 ? rest : rest.slice(0, end))])
    })

  for (const text of scriptsOf(name, args, spend)) {
    spend(text.length / charactersOfWord)
    if (text.includes(unknownText)) found.push({ script: nothing, isDynamic: true })
    else {
      const plain = hasMark(text) ? text.replace(/[\uE000-\uE003]/g, ' ') : text
      found.push({ script: readScript(plain, options, depth), isDynamic: false })
    }
  }
  return found
}
