import { judge, type GuardOptions } from '../src/exec/guard/guard.ts'
import { denyGroupNames, denyGroups, type DenyGroupName } from '../src/exec/guard/groups.ts'
import { denyGroupLines as lines } from './exec-deny-lines.ts'

const bash: GuardOptions = { shell: 'bash' }

/** Only this group denies: so a command is denied for what it is. */
const alone = (group: DenyGroupName): GuardOptions => ({
  shell: 'bash',
  overrides: Object.fromEntries(denyGroupNames.filter((name) => name !== group).map((name) => [name, false])),
})

const verdict = (command: string, options = bash): string => {
  const found = judge(command, options)
  return found.allowed ? 'allowed' : found.group
}

describe.each(denyGroupNames)('the deny group %s', (group) => {
  it.each(lines[group].blocked)('denies %s', (command) => {
    expect(verdict(command, alone(group))).toBe(group)
    expect(verdict(command)).not.toBe('allowed')
  })
  it.each(lines[group].passes)('lets %s pass', (command) => {
    expect(verdict(command)).toBe('allowed')
  })
})

describe('the guard', () => {
  it('knows the fifteen groups in the order of the contract', () => {
    expect(denyGroupNames).toEqual([
      'destructive_ops',
      'data_exfiltration',
      'reverse_shell',
      'code_injection',
      'privilege_escalation',
      'dangerous_paths',
      'env_injection',
      'container_escape',
      'crypto_mining',
      'filter_bypass',
      'network_recon',
      'package_install',
      'persistence',
      'process_control',
      'env_dump',
    ])
    expect(denyGroups.filter_bypass.description).toBe('Filter Bypass (CVE mitigations)')
  })

  it('lets an allowed group pass, and no other with it', () => {
    expect(verdict('npm ci', { shell: 'bash', overrides: { package_install: false } })).toBe('allowed')
    expect(verdict('npm ci; sudo ls', { shell: 'bash', overrides: { package_install: false } })).toBe(
      'privilege_escalation',
    )
  })

  it.each([
    'echo "a',
    'echo $(ls',
    'if true',
    'a\0b',
    'a\x1bb',
    'echo \uE000',
    'echo !(a|b)',
    `${'$('.repeat(5000)}`,
    `echo ${'a'.repeat(40_000)}`,
    '('.repeat(3000),
  ])('refuses what it cannot read for certain: %#', (command) => {
    expect(verdict(command)).toBe('unreadable')
  })

  it.each(["$'\\'; rm x; #'", '[[ x && ls ]]', '((ls))', 'cat <(ls)', 'ls &> x', 'cat <<< x'])(
    'refuses for sh what sh reads in another way than bash: %s',
    (command) => {
      expect(verdict(command, { shell: 'sh' })).toBe('unreadable')
    },
  )

  it('denies paths of the system wherever they stand', () => {
    const options: GuardOptions = { shell: 'bash', isDeniedPath: (word) => word.includes('config.json') }
    for (const command of [
      'cat config.json',
      "cat con'fig'.json",
      'x=config.json; cat $x',
      'ls > config.json',
      "sh -c 'cat config.json'",
    ])
      expect(verdict(command, options)).toBe('denied_path')
    expect(verdict('cat package.json', options)).toBe('allowed')
  })
})
