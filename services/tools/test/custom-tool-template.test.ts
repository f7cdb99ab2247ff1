/** Commands with places for arguments. */
import fc from 'fast-check'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { argumentsSchema } from '../src/custom-tools/parameters.ts'
import { filled, readTemplate } from '../src/custom-tools/template.ts'
import { plainWords } from '../src/exec/shell/plain-words.ts'

const fill = (template: string, args: Record<string, unknown>) => filled(readTemplate(template)!, args)

it.each<[string, (value: string) => string[]]>([
  ['echo {{.x}}', (value) => ['echo', value]],
  ['echo "{{.x}}"', (value) => ['echo', value]],
  ['echo "a b {{.x}} c"', (value) => ['echo', `a b ${value} c`]],
  [`echo 'a {{ .x }}'--n={{.x}}`, (value) => ['echo', `a ${value}--n=${value}`]],
  [
    'curl -H "T: {{.x}}" https://example.org/{{.x}}',
    (value) => ['curl', '-H', `T: ${value}`, `https://example.org/${value}`],
  ],
])(ruleName('createCustomTool.quotesArguments', '%s'), (template, words) => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^['"`$();&|<>\\ ~*a-c\n]{0,20}$/)),
      (value) => {
        expect(plainWords(fill(template, { x: value }))).toEqual(words(value))
      },
    ),
  )
})

it(ruleName('createCustomTool.quotesArguments', 'of any kind'), () => {
  const given = { n: 3, yes: true, list: ['a b'], nothing: null, __proto__: { inherited: 'x' } }
  expect(fill('f {{.n}} {{.yes}} {{.list}} {{.nothing}} {{.absent}} {{.inherited}} {{.toString}}', given)).toBe(
    `f '3' 'true' '["a b"]' '' '' '' ''`,
  )
})

it.each([
  'cat <<E\n{{.x}}\nE',
  'echo $(( {{.x}} ))',
  'echo ${X:-{{.x}}}',
  'echo "${X:-{{.x}}}"',
  'ls # {{.x}}',
  "echo $'{{.x}}'",
  'sh -c {{.x}}',
  'bash -c "echo {{.x}}"',
  'eval echo {{.x}}',
  '{{.x}} --help',
  'echo "unterminated {{.x}}',
  'echo CLAWMESHPLACE0X {{.x}}',
])(ruleName('createCustomTool.wantsWordsForArguments', '%j'), (command) => {
  expect(readTemplate(command)).toBeUndefined()
})

it.each(['ls', 'for f in {{.x}}; do echo "$f"; done', 'echo "$(cat "{{.x}}")"', 'X={{.x}} make', 'ls > {{.x}} | cat'])(
  'takes %j',
  (command) => {
    expect(readTemplate(command)).toBeDefined()
  },
)

it.each([
  [{ type: 'array' }],
  [{ properties: { a: { type: 'nope' } } }],
  [{ properties: { a: { $ref: '#/nowhere' } } }],
  [{ required: 'a' }],
])(ruleName('createCustomTool.wantsASchema', '%j'), (parameters) => {
  expect(argumentsSchema(parameters)).toBeUndefined()
})

rule('createCustomTool.checksArguments', async () => {
  const schema = argumentsSchema({
    properties: { pattern: { type: 'string', pattern: '(a+)+$' }, n: { type: 'integer', minimum: 1 } },
    required: ['pattern'],
  })!
  expect(schema.safeParse({ pattern: `${'a'.repeat(50)}!`, n: 1 }).success).toBe(true)
  for (const args of [{}, { pattern: 1 }, { pattern: '', n: 0 }, { pattern: '', n: 1.5 }])
    expect(schema.safeParse(args).success).toBe(false)
})
