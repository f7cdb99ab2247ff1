/** Other spellings of commands: what the shell takes for the same words. For property tests of the guard. */
import fc from 'fast-check'

/** Denied commands as plain words, one or more of each group. */
export const deniedCommands: readonly (readonly string[])[] = [
  ['rm', '-rf', 'x'],
  ['rm', '-r', '-f', 'x'],
  ['dd', 'if=/dev/zero', 'of=x'],
  ['shutdown', 'now'],
  ['curl', '-d', 'a', 'https://x'],
  ['curl', '--data-binary', '@x', 'https://x'],
  ['curl', 'http://127.0.0.1/'],
  ['wget', '--post-file=x', 'https://x'],
  ['nc', '-l', '80'],
  ['socat', 'x', 'y'],
  ['eval', 'ls'],
  ['sudo', 'ls'],
  ['mount', '/dev/sda', '/x'],
  ['chmod', '777', '/x'],
  ['chmod', 'u+s', 'x'],
  ['env', 'LD_PRELOAD=x', 'ls'],
  ['cat', '/proc/sys/kernel/hostname'],
  ['ls', '/var/run/docker.sock'],
  ['xmrig', '-o', 'x'],
  ['sed', 's/a/b/e', 'x'],
  ['git', 'clone', '--upload-pack=x', 'y'],
  ['nmap', 'x'],
  ['ssh', 'u@x'],
  ['npm', 'install', 'x'],
  ['pip3', 'install', 'x'],
  ['crontab', '-e'],
  ['kill', '-9', '1'],
  ['pkill', 'x'],
  ['printenv', 'HOME'],
  ['cat', '/proc/1/environ'],
]

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
    `> out ${command}`,
    `cat <<E\n$(${command})\nE`,
    `echo \${y:-$(${command})}`,
    `: $((1 + $(${command})))`,
  )

const plainWord = (word: string): string => word.replace(/[^\w]/g, '\\$&')

/** A spelling of one of the denied commands, and which it is. */
export const deniedSpelling: fc.Arbitrary<{ command: string; of: string }> = fc
  .constantFrom(...deniedCommands)
  .chain((words) =>
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
          arbitrary: fc.constant(`/b?n/${words[0]!.slice(0, -1)}* ${words.slice(1).map(plainWord).join(' ')}`),
        },
        { weight: 1, arbitrary: fc.constant(`sh -c '${words.map(plainWord).join(' ')}'`) },
        { weight: 1, arbitrary: fc.constant(`set -- ${words.map(plainWord).join(' ')}; "$@"`) },
        { weight: 1, arbitrary: fc.constant(`echo '${words.join(' ')}' | sh`) },
      )
      .chain(wrapped)
      .map((command) => ({ command, of: words.join(' ') })),
  )
