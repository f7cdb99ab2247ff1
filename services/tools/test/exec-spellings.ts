/** Other spellings of commands: what the shell takes for the same words. For property tests of the guard. */
import fc from 'fast-check'
import { denyGroupLines } from './exec-deny-lines.ts'

const blocked = Object.values(denyGroupLines).flatMap((group) => group.blocked)
/** One program and its arguments, whose words mean the same however they are quoted. */
const isPlain = (line: string): boolean => /^[\w./-][\w ./:=,+@-]*$/.test(line) && !/^(?:\w+=|coproc )/.test(line)

/** Every denied line of the contract that is one command of plain words, as those words. */
const plainLines: readonly (readonly string[])[] = blocked.filter(isPlain).map((line) => line.split(' '))
/** The others as they stand, where something may stand around them. */
const otherLines: readonly string[] = blocked.filter((line) => !isPlain(line) && !line.includes('\n'))

const quoted = (text: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    text.replace(/[^\w]/g, '\\$&'),
    `'${text}'`,
    `"${text}"`,
    `$'${[...text].map((character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}'`,
    `$'${[...text].map((character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`).join('')}'`,
    [...text].map((character) => `\\${character}`).join(''),
  )

/** Nothing at all, as the shell reads it. */
const nothing = fc.constantFrom('', "''", '""', '\\\n', '$@', '${x}', '"$x"', '"$@"', '${x:-}', '$1""')

/** One word, cut into pieces that are each quoted in another way. */
const spelledWord = (word: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.nat({ max: Math.max(word.length - 1, 0) }), { maxLength: 3 }), nothing)
    .chain(([cuts, empty]) => {
      const at = [...new Set([0, ...cuts])].sort((a, b) => a - b)
      const pieces = at.map((start, index) => word.slice(start, at[index + 1]))
      return fc.tuple(...pieces.map(quoted)).map((parts) => parts.join(empty))
    })

const separator = fc.constantFrom(' ', '\t', '  ', ' \\\n ', '${IFS}', '$IFS""')

const named = (words: readonly string[], name: string): string =>
  `${name}=${words[0]!.replace(/[^\w]/g, '\\$&')}; $${name} ${words
    .slice(1)
    .map((word) => `'${word}'`)
    .join(' ')}`

/** Whole commands that run those words. */
const wrapped = (command: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    command,
    `ls\n${command}`,
    `ls; ${command}`,
    `ls && ${command}`,
    `ls || ${command} &`,
    `ls | ${command}`,
    `(${command})`,
    `{ ${command}; }`,
    `! ${command}`,
    `if ${command}; then ls; fi`,
    `while ls; do ${command}; done`,
    `for i in a; do ${command}; done`,
    `case a in a) ${command};; esac`,
    `f() { ${command}; }; f`,
    `echo "$(${command})"`,
    `echo \`ls\`; x=$(${command})`,
    `cat <(${command})`,
    `[[ -n $(${command}) ]]`,
    `command ${command}`,
    `nohup ${command}`,
    `A=1 ${command}`,
    `env A=1 ${command}`,
    `time -p ${command}`,
    `env -iu A ${command}`,
    `env --uns A ${command}`,
    `timeout -vk 5 5 ${command}`,
    `timeout --sig KILL 5 ${command}`,
    `nice --adj 5 ${command}`,
    `stdbuf --output L ${command}`,
    `exec -ca x ${command}`,
    `setarch x86_64 ${command}`,
    `choom -n 0 -- ${command}`,
    `prlimit --nofile=10 ${command}`,
    `/lib64/ld-linux-x86-64.so.2 ${command}`,
    `> out ${command}`,
    `cat <<E\n$(${command})\nE`,
    `echo \${y:-$(${command})}`,
    `: $((1 + $(${command})))`,
  )

const plainWord = (word: string): string => word.replace(/[^\w]/g, '\\$&')

const plainSpelling: fc.Arbitrary<{ command: string; of: string }> = fc.constantFrom(...plainLines).chain((words) =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc
          .tuple(fc.tuple(...words.map(spelledWord)), separator)
          .map(([spelled, between]) => spelled.join(between)),
      },
      { weight: 1, arbitrary: fc.constantFrom('v', 'a_b', 'IFX').map((name) => named(words, name)) },
      { weight: 1, arbitrary: fc.constant(`v='${words.join(' ')}'; $v`) },
      {
        weight: 1,
        arbitrary: fc.constant(
          `for v in ${words.slice(0, 1).map(plainWord).join(' ')}; do $v ${words.slice(1).map(plainWord).join(' ')}; done`,
        ),
      },
      { weight: 1, arbitrary: fc.constant(`\${v:-${words[0]}} ${words.slice(1).map(plainWord).join(' ')}`) },
      {
        weight: 1,
        arbitrary: fc.constant(
          words.every((word) => /^[\w./,+-]+$/.test(word)) && words.length > 1
            ? `{${words.join(',')}}`
            : words.map(plainWord).join(' '),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constant(
          `/b?n/${words[0]!.slice(words[0]!.lastIndexOf('/') + 1, -1)}* ${words.slice(1).map(plainWord).join(' ')}`,
        ),
      },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom('sh -c', 'sh -c --', 'bash -c -x', 'bash -co pipefail', 'env -S', 'env --spl', 'trap --')
          .map((start) => `${start} '${words.map(plainWord).join(' ')}'`),
      },
      { weight: 1, arbitrary: fc.constant(`set -- ${words.map(plainWord).join(' ')}; "$@"`) },
      { weight: 1, arbitrary: fc.constant(`echo '${words.join(' ')}' | sh`) },
    )
    .chain(wrapped)
    .map((command) => ({ command, of: words.join(' ') })),
)

/** Around whole lines, with their own operators and assignments. */
const around = (line: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    `ls\n${line}`,
    `ls; ${line}\nls`,
    `(${line}\n)`,
    `{ ${line}\n}`,
    `if ls; then ${line}\nfi`,
    `while ls; do ${line}\ndone`,
    `f() { ${line}\n}; f`,
    `echo "$(${line}\n)"`,
    `cat <(${line}\n)`,
  )

const otherSpelling: fc.Arbitrary<{ command: string; of: string }> = fc
  .constantFrom(...otherLines)
  .chain((line) => around(line).map((command) => ({ command, of: line })))

/** A spelling of one of the denied lines, and which it is. */
export const deniedSpelling = fc.oneof({ weight: 5, arbitrary: plainSpelling }, { weight: 1, arbitrary: otherSpelling })
