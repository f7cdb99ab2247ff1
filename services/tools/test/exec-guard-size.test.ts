/** Commands of any size and make are judged in the time of their length: whoever else is served waits for no more. */
import { expectLinear } from '../../../test/support/linear-time.ts'
import { judge } from '../src/exec/guard/guard.ts'

const verdictOf = (command: string) => judge(command, { shell: 'bash' })
const filled = (piece: string, chars: number): string => piece.repeat(Math.ceil(chars / piece.length))

/** Variables that name the next one many times over: what they come to is more than could ever be looked at. */
const chained = (chars: number): string => {
  const names = Array.from({ length: 9 }, (_, at) => `a${at}="${filled(`$a${at + 1}`, chars / 9)}"`)
  return `${names.join('\n')}\na9=xxxxxxxxxx\necho $a0`
}

const hostile: Record<string, (chars: number) => string> = {
  'variables that name each other': chained,
  'one variable that is set over and over': (chars) => `${filled('a=$a;', chars)} echo $a`,
  'braces that multiply each other': (chars) => `echo ${filled('{a,b}', chars)}`,
  'braces of one item': (chars) => `echo ${filled('{1..2}', chars)}`,
  'a long list in braces': (chars) => `echo {${filled('a,', chars)}b}`,
  'programs that find starts': (chars) => `find . ${filled('-exec a ', chars)}`,
  'texts that env splits': (chars) => `env ${filled('-S a ', chars)}`,
  'texts for a shell': (chars) => `sh ${filled('-c a ', chars)}`,
  'wrappers in wrappers': (chars) => filled('env ', chars),
  'a pipeline': (chars) => `a${filled('|a', chars)}`,
  'a pipeline of shells': (chars) => `a${filled('|sh -c a', chars)}`,
  'many words': (chars) => `echo ${filled('a ', chars)}`,
  'many commands': (chars) => filled('a;', chars),
  'quoted substitutions': (chars) => `echo ${filled(`'$(a)' `, chars)}`,
  'substitutions in substitutions': (chars) => filled('$(', chars),
  'brackets in brackets': (chars) => filled('(', chars),
  patterns: (chars) => `cat ${filled('/*?', chars)}`,
  'a long path': (chars) => `cat ${filled('/a/..', chars)}`,
  'substitutions of sed': (chars) => `sed '${filled('s|', chars)}'`,
  'imports of python': (chars) => `python3 -c '${filled('import ', chars)}'`,
}

test.each(Object.entries(hostile))('%s', (_name, commandOf) => {
  expectLinear(verdictOf, commandOf, 3_000)
})

test.each([
  ['words', 'echo ' + 'a '.repeat(16_000)],
  ['words of what find starts', 'find . ' + '-exec a '.repeat(4_000)],
  ['programs in a pipeline', Array(100).fill('a').join('|')],
])('too many %s are refused', (_what, command) => {
  expect(verdictOf(command)).toMatchObject({ allowed: false, group: 'unreadable' })
})

test('what braces and variables come to is unknown where it is too much, and no program of an unknown name runs', () => {
  const tooMuch = '{a,b}'.repeat(30)
  expect(verdictOf(tooMuch)).toMatchObject({ allowed: false })
  expect(verdictOf(`rm ${tooMuch} x`)).toMatchObject({ allowed: false, group: 'destructive_ops' })
  expect(verdictOf(chained(2_000).replace('echo $a0', '$a0'))).toMatchObject({ allowed: false })
})
