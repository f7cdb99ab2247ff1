/** Reads a shell command into the programs that it would start, with all that they could be given. */
import { forEachChild, parse, type Assignment, type Command, type SyntaxNode, type Word } from 'unbash'
import { fieldBreak, hasMark, unknownText } from './marks.ts'
import { valuesOf, variablesOf, type Variables } from './words.ts'

export interface Redirection {
  operator: string
  target: string
}

export interface Setting {
  name: string
  value: string
  /** It stands behind the name of what is started, as in `export A=1`. */
  isArgument?: boolean
}

/** One program, or builtin of the shell, as it could be started. */
export interface Invocation {
  /** Name and arguments; empty where only variables are set, or something is redirected. */
  words: readonly string[]
  settings: readonly Setting[]
  redirections: readonly Redirection[]
  /** What stands before it in its pipelines. */
  upstream: readonly Invocation[]
  /** Whether its standard input is a text of the script, a file, or a pipe. */
  hasInput: boolean
}

export interface Script {
  invocations: readonly Invocation[]
  /** Names of variables that are looked at, with the letter of an `@` operation. */
  expansions: readonly { name: string; transform?: string | undefined }[]
  /** Names of variables that are set anywhere. */
  assigned: readonly string[]
  /** Whether a function starts itself beside itself. */
  isForkBomb: boolean
  /** Whether it is one program with plain arguments: no separators, pipes, redirections, settings or substitutions. */
  isPlain: boolean
}

/** Why a text is not taken for a command at all. */
export class UnreadableCommand extends Error {}

export const longestCommand = 32_768
const mostInvocations = 2_000
/** Of all invocations together; each is looked at by every rule. */
export const mostWords = 8_000
/** Programs in one pipeline: each is looked at with all before it. */
const longestPipeline = 64
const mostChoices = 64
const deepestScript = 6

/** What `sh` reads in another way than bash, where `sh` is what runs it. */
const bashOnly = new Set<string>([
  'TestCommand',
  'ArithmeticCommand',
  'AnsiCQuoted',
  'LocaleString',
  'ProcessSubstitution',
  'Coproc',
  'Select',
  'ArithmeticFor',
  'HereString',
  'ArrayValue',
])
const bashOnlyOperators = new Set(['&>', '&>>', '|&'])

const checked = (text: string): string => {
  if (text.length > longestCommand) throw new UnreadableCommand(`it is longer than ${longestCommand} characters`)
  if (hasMark(text) || /[^\P{Cc}\t\n]/u.test(text)) throw new UnreadableCommand('it holds a control character')
  return text
}

interface Collected {
  assigned: Map<string, Word[] | 'unknown'>
  /** Quoted texts with a substitution in them. */
  literals: string[]
}

const readers = new Set([
  'read',
  'mapfile',
  'readarray',
  'getopts',
  'printf',
  'let',
  'declare',
  'typeset',
  'local',
  'wait',
])
/** `exec {name}>file`: what else it is given another program gets, which sets no variable of the shell. */
const descriptorName = /^\{([A-Za-z_]\w*)\}$/

const isFixed = (word: Word): boolean =>
  word.parts?.every(({ type }) => ['Literal', 'SingleQuoted', 'AnsiCQuoted'].includes(type)) ?? true

/** Every variable that is set anywhere, and every text that hides a substitution in quotes. */
const collect = (root: SyntaxNode, refuse: (node: SyntaxNode) => void): Collected => {
  const assigned = new Map<string, Word[] | 'unknown'>()
  const literals: string[] = []
  const add = (name: string, value: Word | 'unknown'): void => {
    const known = assigned.get(name)
    if (value === 'unknown' || known === 'unknown') assigned.set(name, 'unknown')
    else if (known) known.push(value)
    else assigned.set(name, [value])
  }
  const assign = ({ name, value, append, index }: Assignment, isReference: boolean): void =>
    add(name, append || index || isReference || value.type === 'ArrayValue' ? 'unknown' : value)

  const command = (node: Command): void => {
    for (const setting of node.prefix) if (setting.type === 'Assignment') assign(setting, false)
    const isReference = node.args.some((word) => word.type === 'Word' && /^-[a-zA-Z]*n/.test(word.value))
    for (const argument of node.args) {
      if (argument.type === 'Assignment') assign(argument, isReference)
      else if (node.name && readers.has(node.name.value))
        for (const [name] of argument.value.matchAll(/[A-Za-z_]\w*/g)) add(name, 'unknown')
      else if (node.name?.value === 'exec') {
        const name = descriptorName.exec(argument.value)?.[1]
        if (name !== undefined) add(name, 'unknown')
      }
    }
  }
  const visit = (node: SyntaxNode): void => {
    refuse(node)
    if (node.type === 'Command') command(node)
    if (node.type === 'For')
      for (const word of node.wordlist ?? []) add(node.name.value, isFixed(word) ? word : 'unknown')
    if (node.type === 'For' && node.wordlist === undefined) add(node.name.value, 'unknown')
    if (node.type === 'Select') add(node.name.value, 'unknown')
    if (
      node.type === 'ParameterExpansion' &&
      node.operation?.type === 'Default' &&
      node.operation.operator.endsWith('=')
    )
      add(node.parameter, node.operation.operand)
    if (
      (node.type === 'SingleQuoted' || node.type === 'AnsiCQuoted' || node.type === 'Literal') &&
      /\$\(|`/.test(node.value)
    )
      literals.push(node.value)
    forEachChild(node, visit)
  }
  visit(root)
  return { assigned, literals }
}

/** The words that a text becomes where the shell splits it; an empty one stays a word. */
const split = (value: string): string[] =>
  value.split(fieldBreak).filter((field, _, all) => field !== '' || all.length === 1)

/** Every list of words that these could be. */
const fieldsOf = (words: readonly Word[], variables: Variables): string[][] => {
  let choices: string[][] = [[]]
  for (const word of words) {
    const values = valuesOf(word, variables)
    const [only, ...others] = choices.length * values.length > mostChoices ? [unknownText] : values
    // Most words can be one text only, and lists that are long are not to be copied for each.
    const more = others.flatMap((value) => choices.map((fields) => [...fields, ...split(value)]))
    for (const fields of choices) fields.push(...split(only!))
    choices = [...choices, ...more]
  }
  return choices
}

/** Arguments that vanish are none; a name that vanishes leaves the next word in its place. */
const withoutEmpty = (words: readonly string[]): string[] => words.filter((word) => word !== '')

const settingsOf = (node: Command, variables: Variables): Setting[] =>
  [...node.prefix, ...node.args].flatMap((setting, at) => {
    if (setting.type !== 'Assignment') return []
    const { name, value } = setting
    const isArgument = at >= node.prefix.length
    const values = value.type === 'ArrayValue' ? [unknownText] : valuesOf(value, variables)
    return values.map((each) => ({ name, value: each, isArgument }))
  })

type Redirections = Command['redirects']

const redirectionsOf = (redirects: Redirections, variables: Variables): Redirection[] =>
  redirects.flatMap((redirect) =>
    redirect.type === 'Redirect' && redirect.target
      ? valuesOf(redirect.target, variables).map((target) => ({ operator: redirect.operator, target }))
      : [],
  )

const givesInput = (redirects: Redirections): boolean =>
  redirects.some((redirect) => redirect.type !== 'Redirect' || ['<', '<>', '<&'].includes(redirect.operator))

const callsItself = (node: SyntaxNode, name: string, isBeside: boolean): boolean => {
  if (node.type === 'Command' && node.name?.value === name) return isBeside
  const beside =
    isBeside ||
    (node.type === 'Pipeline' && node.commands.length > 1) ||
    (node.type === 'Statement' && node.background === true)
  let found = false
  forEachChild(node, (child) => {
    found ||= callsItself(child, name, beside)
  })
  return found
}

export interface ReadOptions {
  /** The shell that runs it. */
  shell: 'bash' | 'sh'
  /** Variables that it is given beside the usual ones, whatever they hold. */
  given?: readonly string[] | undefined
}

/**
 * @throws UnreadableCommand for what cannot be read for certain: syntax errors, control characters, what shells read in
 *   different ways, too much of anything
 */
export const readScript = (text: string, options: ReadOptions, depth = 0): Script => {
  const { shell, given = [] } = options
  if (depth > deepestScript) throw new UnreadableCommand('it holds commands inside commands, too deep')
  const root = parse(checked(text))
  const refuse = (node: SyntaxNode): void => {
    if (node.type === 'Script' && node.errors?.length)
      throw new UnreadableCommand(`syntax error: ${node.errors[0]!.message}`)
    if (node.type === 'ExtendedGlob') throw new UnreadableCommand('it uses extended patterns')
    const operator = 'operator' in node ? node.operator : ''
    if (shell === 'sh' && (bashOnly.has(node.type) || bashOnlyOperators.has(operator)))
      throw new UnreadableCommand('it needs bash, which is not there')
  }
  const { assigned, literals } = collect(root, refuse)
  const names = [...assigned.keys()]
  for (const name of given) assigned.set(name, 'unknown')
  const variables = variablesOf(assigned)
  const invocations: Invocation[] = []
  let wordCount = 0
  const expansions: { name: string; transform?: string }[] = []
  let isForkBomb = false

  const note = (found: readonly Invocation[]): readonly Invocation[] => {
    invocations.push(...found)
    if (invocations.length > mostInvocations) throw new UnreadableCommand('it holds too many commands')
    for (const { words, upstream } of found) {
      wordCount += words.length
      if (wordCount > mostWords) throw new UnreadableCommand('it holds too many words')
      if (upstream.length > longestPipeline) throw new UnreadableCommand('it holds too long a pipeline')
    }
    return found
  }

  const command = (node: Command, upstream: readonly Invocation[], hasInput: boolean): readonly Invocation[] => {
    const words = [...(node.name ? [node.name] : []), ...node.args.filter((word) => word.type === 'Word')]
    const common = {
      settings: settingsOf(node, variables),
      redirections: redirectionsOf(node.redirects, variables),
      upstream,
      hasInput: hasInput || givesInput(node.redirects),
    }
    return note(fieldsOf(words, variables).map((fields) => ({ ...common, words: withoutEmpty(fields) })))
  }

  /** Visits a node, and gives back what was found in it. */
  const visit = (node: SyntaxNode, upstream: readonly Invocation[], hasInput: boolean): readonly Invocation[] => {
    if (node.type === 'Pipeline') {
      let before = upstream
      for (const [at, part] of node.commands.entries()) before = [...before, ...visit(part, before, hasInput || at > 0)]
      return before
    }
    const own: Invocation[] = []
    let input = hasInput
    if (node.type === 'Command') own.push(...command(node, upstream, hasInput))
    if (node.type === 'Redirected') {
      own.push(
        ...note([
          { words: [], settings: [], redirections: redirectionsOf(node.redirects, variables), upstream, hasInput },
        ]),
      )
      input ||= givesInput(node.redirects)
    }
    if (node.type === 'Function') isForkBomb ||= callsItself(node.body, node.name.value, false)
    if (node.type === 'SimpleExpansion') expansions.push({ name: node.text.slice(1) })
    if (node.type === 'ParameterExpansion') {
      const { parameter, operation } = node
      const transform = operation?.type === 'Transform' ? operation.operand.value : undefined
      expansions.push({ name: parameter, ...(transform === undefined ? {} : { transform }) })
    }
    forEachChild(node, (child) => own.push(...visit(child, upstream, input)))
    return own
  }
  visit(root, [], false)

  // Arithmetic evaluates what variables hold, so a substitution in quotes may be run all the same.
  for (const literal of literals) {
    const hidden = readQuietly(literal, options, depth + 1)
    if (!hidden) continue
    note(hidden.invocations)
    expansions.push(...hidden.expansions.map(({ name }) => ({ name })))
    names.push(...hidden.assigned)
  }
  const [only] = invocations
  const isPlain =
    root.commands.length === 1 &&
    root.commands[0]!.command.type === 'Command' &&
    root.commands[0]!.background !== true &&
    invocations.length === 1 &&
    literals.length === 0 &&
    expansions.length === 0 &&
    only!.words.length > 0 &&
    !only!.words.some(hasMark) &&
    !only!.hasInput &&
    only!.redirections.length === 0 &&
    only!.settings.length === 0
  return { invocations, expansions, assigned: names, isForkBomb, isPlain }
}

const readQuietly = (text: string, options: ReadOptions, depth: number): Script | undefined => {
  try {
    return readScript(text, options, depth)
  } catch (thrown) {
    if (thrown instanceof UnreadableCommand) return undefined
    throw thrown
  }
}
