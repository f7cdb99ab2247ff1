/** The fifteen groups of commands that agents may not run, unless somebody allows a group. */
import { anyText, couldBe, hasMark, isUnknown, withoutMarks } from '../shell/marks.ts'
import type { Invocation, Script } from '../shell/script.ts'
import { setsLoader } from './loader-variables.ts'
import { hasLong, hasShort, mayBeOption, operands, valuesOfOption } from './options.ts'
import { isInterpreter, isShell, programName } from './programs.ts'
import { runsWithSed } from './sed.ts'
import { mayTellVariables } from './unwrap.ts'

/** An invocation with its program's name picked out. */
export interface Run extends Invocation {
  /** The last part of its path, in lower case; empty where nothing is started. */
  name: string
  args: readonly string[]
}

interface DenyGroup {
  description: string
  /** Any that holds denies. */
  rules: readonly ((run: Run) => boolean)[]
  /** About the whole script. */
  script?: (script: Pick<Script, 'expansions' | 'assigned' | 'isForkBomb'>) => boolean
}

type Rule = DenyGroup['rules'][number]

const oneOf =
  (...names: string[]): Rule =>
  ({ name }) =>
    names.includes(name)
const when =
  (names: readonly string[], test: (run: Run) => boolean): Rule =>
  (run) =>
    names.includes(run.name) && test(run)
const matching =
  (names: RegExp, test: (run: Run) => boolean): Rule =>
  (run) =>
    names.test(run.name) && test(run)

/** Every text of an invocation: words, values, what it reads and writes. */
const textsOf = ({ words, settings, redirections }: Invocation): string[] => [
  ...words,
  ...settings.map(({ name, value }) => `${name}=${value}`),
  ...redirections.map(({ target }) => target),
]
const says =
  (pattern: RegExp): Rule =>
  (run) =>
    textsOf(run).some((text) => pattern.test(text))

/** The names of a path, as the system reads it. A value after `=` or a scheme counts as one too. */
const segments = (text: string): string[] => {
  const names: string[] = []
  for (const name of text.slice(text.indexOf('/')).split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') names.pop()
    else names.push(name)
  }
  return names
}
/** Whether a text could be one of the paths, or something below it, patterns in it included. */
const reaches =
  (...paths: string[]): Rule =>
  (run) =>
    textsOf(run).some((text) => {
      if (!text.includes('/')) return false
      // A relative one counts from the root, too: a command may have gone there before.
      const readings = text.startsWith('/') ? [segments(text)] : [segments(text), segments(`/${text}`)]
      return paths.some((path) => {
        const wanted = segments(path)
        return readings.some(
          (names) =>
            names.length >= wanted.length &&
            wanted.every((name, at) => (name === '*' ? true : couldBe(names[at]!, name))),
        )
      })
    })
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const writes = ({ redirections }: Invocation): string[] =>
  redirections.filter(({ operator }) => operator.includes('>')).map(({ target }) => target)
const all = (run: Run): string => run.args.join('\n')
const gets = (run: Run, test: (before: Run) => boolean): boolean => run.upstream.map(runOf).some(test)

/** A shell that takes its commands from its input: none is named, or the input is. */
const readsCommands = ({ args }: Run): boolean => {
  const [first] = operands(args, 'oO')
  return (
    !hasShort(args, 'c') && (first === undefined || ['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'].includes(first))
  )
}
const takesProgram = (run: Run): boolean =>
  isShell(run.name)
    ? readsCommands(run)
    : isInterpreter(run.name) && operands(run.args).filter((word) => word !== '-').length === 0
const isInline = ({ args }: Run): boolean => args.some((word) => /^-[A-Za-z]*[ceEpr]|^--(?:eval|print|run)/.test(word))

const disks = /^(?:sd|hd|vd|xvd|nvme|mmcblk|disk|mapper|md|dm-)/
const isDisk = (path: string): boolean => {
  if (!path.startsWith('/')) return false
  const [top = '', name = ''] = segments(path)
  return couldBe(top, 'dev') && (hasMark(name) || disks.test(name))
}
const addresses = /^(?:localhost|\[?[\da-f]{0,4}:[\da-f:.]+\]?|0x[\da-f]+|\d+(?:\.\d+){0,3})$/
const ownNames =
  /(?:^|\.)(?:localhost|localhost\.localdomain|ip6-localhost|ip6-loopback|metadata\.google\.internal)\.?$/
const ownNumbers = /^(?:0|127|10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./
const isOwnName = (host: string): boolean => {
  if (ownNames.test(host)) return true
  const url = URL.parse(`http://${host}`)
  if (url !== null)
    return ownNames.test(url.hostname) || (/^[\d.]+$/.test(url.hostname) && ownNumbers.test(url.hostname))
  return /^(?:0x[\da-f]+|\d+)(?:\.(?:0x[\da-f]+|\d+)){0,3}\.?$/.test(host)
}
/** One address is several for curl: `{a,b}`, `[1-9]`. As many slashes as three it takes for two. */
const ownAddress = (text: string): boolean => {
  const address = /^(?:[a-z][a-z0-9+.-]*:\/{1,3})?(?:[^/?#\s]*@)?([^/?#\s]*)/i.exec(text)?.[1]?.toLowerCase() ?? ''
  if (address.startsWith('[') || address.startsWith(anyText)) return true
  const host = address.split(':')[0]!
  return host
    .replace(/[{}]/g, '')
    .replace(/\[([\da-f]{0,20})-[\da-f:]{0,20}\]/g, '$1')
    .split(',')
    .some((each) => each !== '' && isOwnName(each))
}
/** A bare number of few digits is a count or a port, no address. */
const isOwnHost = (text: string): boolean =>
  !/^\d{1,5}$/.test(text) &&
  // What is not known may be nothing.
  (ownAddress(text) || (isUnknown(text) && ownAddress(withoutMarks(text))))

const curlValues = 'AbcCDeEhHKmoPQrtuUwxyYz'
/** What curl is to connect to instead of what an address says. */
const curlPlaces = (args: readonly string[]): string[] => [
  ...valuesOfOption(args, 'x', 'proxy', curlValues),
  ...['resolve', 'connect-to'].flatMap((name) =>
    valuesOfOption(args, '\0', name).flatMap((value) => (value.includes('[') ? ['['] : value.split(/[:,]/))),
  ),
]
const uploadMethods = /^(?:put|post|patch|delete)$/i
const isUploadMethod = (method: string): boolean => uploadMethods.test(method) || isUnknown(method)

const temporary = ['/tmp', '/var/tmp', '/dev/shm']
const isBelow = (path: string, folders: readonly string[]): boolean => {
  const names = path.includes('/') ? segments(path) : []
  return folders.some((folder) => {
    const wanted = segments(folder)
    return names.length >= wanted.length && wanted.every((name, at) => couldBe(names[at]!, name))
  })
}

const startupFiles = [
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.profile',
  '.zshrc',
  '.zprofile',
  '.zshenv',
  '.zlogin',
  '.xprofile',
]
const isStartupFile = (path: string): boolean => startupFiles.some((name) => couldBe(baseName(path), name))

const ownSecrets = /^(?:GOCLAW|CLAWMESH)_/
const python = /^(?:python|pypy)[\d.]*$/
const node = /^(?:node|nodejs|deno|bun)$/
/** What `-m` of python names. */
const modulesOf = ({ args }: Run): string[] => valuesOfOption(args, 'm', '\0', 'cWX')
const wgetValues = 'aoitOTwQPUlARDIXB'
const sshValues = 'BbcDEeFIiJLmOoPpQRSWw'
const searchers = ['rg', 'grep', 'egrep', 'fgrep', 'ag', 'ack']

const installs: Readonly<Record<string, readonly string[]>> = {
  pip: ['install', 'uninstall', 'download'],
  npm: [
    'install',
    'i',
    'in',
    'ins',
    'isntall',
    'add',
    'ci',
    'ic',
    'cit',
    'sit',
    'clean-install',
    'install-clean',
    'uninstall',
    'un',
    'unlink',
    'remove',
    'rm',
    'r',
    'exec',
    'x',
    'install-test',
    'it',
    'link',
    'update',
    'up',
    'init',
    'create',
  ],
  apk: ['add', 'del'],
  yarn: ['add', 'global', 'dlx', 'remove', 'install'],
  pnpm: ['add', 'install', 'i', 'dlx', 'remove', 'rm', 'update'],
  bun: ['add', 'install', 'i', 'remove', 'x'],
  apt: ['install', 'remove', 'purge'],
  'apt-get': ['install', 'remove', 'purge'],
  aptitude: ['install', 'remove', 'purge'],
  dnf: ['install', 'remove'],
  yum: ['install', 'remove'],
  gem: ['install', 'uninstall'],
  cargo: ['install'],
  go: ['install'],
}
/** npm takes the beginning of a command for the whole. */
const leastOfNpm = 3
const isInstall = (name: string, word: string): boolean =>
  installers(name).includes(word) ||
  (name === 'npm' && word.length >= leastOfNpm && installs['npm']!.some((whole) => whole.startsWith(word)))
const installers = (name: string): readonly string[] => {
  const known = /^pip[\d.]*$/.test(name) ? 'pip' : name
  return Object.hasOwn(installs, known) ? installs[known]! : []
}

const isDecoder = ({ name, args }: Run): boolean =>
  (['base64', 'base32', 'basenc'].includes(name) && (hasShort(args, 'dD') || hasLong(args, ['decode']))) ||
  (name === 'xxd' && hasShort(args, 'r')) ||
  (name === 'openssl' && args.some((word) => word === '-d'))
const isFetcher = ({ name }: Run): boolean => ['curl', 'wget', 'fetch', 'aria2c', 'http', 'https'].includes(name)

/** Names of the groups, in the contract's order. */
const groups = {
  destructive_ops: {
    description: 'Destructive Operations',
    rules: [
      when(['rm'], ({ args }) => hasShort(args, 'rRf') || hasLong(args, ['recursive', 'force', 'no-preserve-root'])),
      when(['del', 'erase'], ({ args }) => args.some((word) => /^\/f/i.test(word))),
      when(['rmdir', 'rd'], ({ args }) => args.some((word) => /^\/s/i.test(word))),
      matching(/^mkfs(?:\.|$)|^diskpart$/, () => true),
      when(['format'], ({ args }) => args.length > 0),
      when(['dd'], ({ args }) =>
        args.some((word) => word.startsWith('if=') || isDisk(word.slice(3)) || isUnknown(word)),
      ),
      (run) => [...writes(run), ...(run.name === 'tee' ? run.args : [])].some(isDisk),
      oneOf('shutdown', 'reboot', 'poweroff', 'halt', 'telinit', 'shred', 'wipefs', 'blkdiscard'),
      when(['init'], ({ args }) => args.some((word) => ['0', '6'].includes(word) || isUnknown(word))),
      when(['systemctl', 'loginctl'], ({ args }) =>
        args.some(
          (word) => /^(?:suspend|hibernate|hybrid-sleep|poweroff|reboot|halt|kexec)/.test(word) || isUnknown(word),
        ),
      ),
    ],
    script: ({ isForkBomb }) => isForkBomb,
  },
  data_exfiltration: {
    description: 'Data Exfiltration',
    rules: [
      (run) => isInterpreter(run.name) && gets(run, isFetcher) && (isShell(run.name) || takesProgram(run)),
      when(
        ['curl'],
        ({ args }) =>
          hasShort(args, 'dFT', curlValues) ||
          hasLong(args, ['data', 'form', 'upload-file', 'json'], 3) ||
          args.some((word) => /^--(?:data|form|upload|json)/.test(word)) ||
          // Options that stand in a file.
          hasShort(args, 'K', curlValues) ||
          hasLong(args, ['config'], 4) ||
          valuesOfOption(args, 'X', 'request', curlValues).some(isUploadMethod),
      ),
      when(
        ['wget'],
        ({ args }) =>
          args.some((word) => /^--(?:post-(?:d|f)|body-(?:d|f)|config)/.test(word) || isUnknown(word.slice(0, 3))) ||
          valuesOfOption(args, 'e', 'execute', wgetValues).some((line) => /post|body|method/i.test(line)) ||
          valuesOfOption(args, '\0', 'method').some(isUploadMethod),
      ),
      oneOf('nslookup', 'dig', 'host', 'drill'),
      says(/\/dev\/(?:tcp|udp)\//),
      reaches('/dev/tcp', '/dev/udp'),
      when(['curl', 'wget'], ({ args }) => args.some(isOwnHost)),
      when(['curl'], ({ args }) => curlPlaces(args).some(isOwnHost)),
    ],
  },
  reverse_shell: {
    description: 'Reverse Shell',
    rules: [
      matching(
        /^(?:nc|ncat|netcat)(?:\..*)?$/,
        ({ args }) => args.length > 1 || args.some((word) => mayBeOption(word) || addresses.test(word.toLowerCase())),
      ),
      oneOf('socat', 'mkfifo', 'mknod'),
      when(['openssl'], ({ args }) => args.some((word) => word === 's_client' || isUnknown(word))),
      when(['telnet'], ({ args }) => operands(args).length > 1 || args.some(isUnknown)),
      matching(
        python,
        (run) =>
          /\b(?:import|from|__import__|import_module)\b(?:\\\n|[^\n]){0,200}\b(?:socket|http|urllib\d?|requests|httpx|aiohttp|pty)\b/.test(
            all(run),
          ) ||
          modulesOf(run).some(
            (module) => /^(?:http|socketserver|xmlrpc|ftplib|smtp|telnetlib)/.test(module) || isUnknown(module),
          ),
      ),
      matching(
        /^perl[\d.]*$/,
        (run) => (isInline(run) || run.args.some((word) => /^-[A-Za-z]*M/.test(word))) && /socket/i.test(all(run)),
      ),
      matching(/^ruby[\d.]*$/, (run) => /TCPSocket|TCPServer|UDPSocket|-r\n?socket|open-uri|net\/http/i.test(all(run))),
      matching(
        node,
        (run) =>
          isInline(run) &&
          /\bnet\.|\bhttps?\.|fetch\s{0,20}\(|axios|got\s{0,20}\(|undici|(?:require|import)\s{0,20}\(\s{0,20}['"`](?:node:)?(?:https?2?|net|tls|dgram|dns|child_process)/.test(
            all(run),
          ),
      ),
      matching(/^php[\d.]*$/, (run) => isInline(run) && /fsockopen|stream_socket|curl_/.test(all(run))),
      matching(/^(?:g|m|n)?awk$/, (run) => run.args.some((word) => word.includes('/inet'))),
    ],
  },
  code_injection: {
    description: 'Code Injection & Eval',
    rules: [
      oneOf('eval', 'alias'),
      (run) => isInterpreter(run.name) && takesProgram(run) && gets(run, isDecoder),
      (run) => isShell(run.name) && run.hasInput && readsCommands(run),
      when(['source', '.'], ({ args }) => args.some((word) => /^\/dev\/|^\/proc\//.test(word) || isUnknown(word))),
      (run) => isShell(run.name) && run.args.some((word) => word.startsWith('/dev/fd/')),
      when(['hash'], ({ args }) => hasShort(args, 'p')),
      when(['enable'], ({ args }) => hasShort(args, 'f')),
      when(['complete', 'compgen'], ({ args }) => hasShort(args, 'CF')),
      // What is started stands in no text that could be read.
      ({ words }) => words.length > 0 && !/^[\w./+@%~:[\]!,-]+$/.test(words[0]!),
    ],
  },
  privilege_escalation: {
    description: 'Privilege Escalation',
    rules: [
      oneOf(
        'sudo',
        'sudoedit',
        'su',
        'doas',
        'pkexec',
        'runuser',
        'nsenter',
        'unshare',
        'mount',
        'umount',
        'capsh',
        'setcap',
        'getcap',
        'setpriv',
        'chroot',
        'newgrp',
        'sg',
      ),
    ],
  },
  dangerous_paths: {
    description: 'Dangerous Path Operations',
    rules: [
      when(['chmod'], ({ args }) => {
        const [mode = '', ...paths] = operands(args.map((word) => (/^-[rwxst]+$/.test(word) ? 'a' + word : word)))
        if (isUnknown(mode) || args.some((word) => isUnknown(word.slice(0, 1)))) return true
        return mode.split(',').some((clause) => {
          const digits = /^[+=]?([0-7]+)$/.exec(clause)?.[1]
          const bits = digits === undefined ? 0 : Number.parseInt(digits, 8)
          const setsId = (bits & 0o6000) !== 0 || /[+=][rwxXt]*s/.test(clause)
          const runs = (bits & 0o111) !== 0 || /[+=][rwXst]*x/.test(clause)
          const opens = digits !== undefined || /^[ug]*[oa][ugoa]*[+=][rxXst]*w/.test(clause)
          return (
            setsId ||
            (opens && paths.some((path) => path.startsWith('/'))) ||
            (runs && paths.some((path) => isBelow(path, temporary)))
          )
        })
      }),
      when(['chown', 'chgrp'], ({ args }) =>
        args.some((word) => word.startsWith('/') || word.startsWith('~') || isUnknown(word.slice(0, 1))),
      ),
    ],
  },
  env_injection: {
    description: 'Environment Variable Injection',
    rules: [
      ({ settings }) => settings.some(({ name }) => setsLoader(name)),
      when(
        [
          'export',
          'declare',
          'typeset',
          'local',
          'readonly',
          'read',
          'printf',
          'env',
          'let',
          'mapfile',
          'getopts',
          'wait',
          'readarray',
        ],
        ({ args }) => args.some(setsLoader),
      ),
      ({ name, settings }) =>
        (isShell(name) || name === 'export') && settings.some((setting) => setting.name === 'ENV'),
      says(/\/etc\/ld\.so\.preload/),
      reaches('/etc/ld.so.preload'),
    ],
    // By whatever sets one: a loop, a default, `getopts`.
    script: ({ assigned }) => assigned.some(setsLoader),
  },
  container_escape: {
    description: 'Container Escape',
    rules: [
      says(/(?:docker|containerd|crio|podman)\.sock/i),
      reaches('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock'),
      reaches(
        '/proc/sys/kernel',
        '/proc/sys/fs',
        '/proc/sys/net',
        '/sys/kernel',
        '/sys/fs',
        '/sys/class',
        '/sys/devices',
        '/proc/sysrq-trigger',
        '/proc/*/root',
      ),
      // What is named from there has no path that says what it is.
      when(['cd', 'pushd'], reaches('/proc', '/sys')),
    ],
  },
  crypto_mining: {
    description: 'Crypto Mining',
    rules: [
      oneOf(
        'xmrig',
        'cpuminer',
        'minerd',
        'cgminer',
        'bfgminer',
        'ethminer',
        'nbminer',
        't-rex',
        'phoenixminer',
        'lolminer',
        'gminer',
        'claymore',
      ),
      says(/stratum\+(?:tcp|ssl):\/\//i),
    ],
  },
  filter_bypass: {
    description: 'Filter Bypass (CVE mitigations)',
    rules: [
      matching(/^g?sed$/, ({ args }) => runsWithSed(args)),
      when(['sort'], ({ args }) => hasLong(args, ['compress-program'], 2)),
      when(['git'], ({ args }) => args.some((word) => isUnknown(word.slice(0, 1)) || gitRuns.test(word))),
      when(
        ['git'],
        ({ args }) =>
          hasLong(args, ['upload-pack', 'receive-pack', 'exec'], 3) ||
          (args.includes('clone') && hasShort(args, 'u', 'bcjo')),
      ),
      when(searchers, ({ args }) =>
        args.some((word) => /^--(?:pre|hostname-bin)(?:=|$)/.test(word) || isUnknown(word.slice(0, 1))),
      ),
      when(['man'], ({ args }) => hasShort(args, 'HP', 'CELMRSersmp') || hasLong(args, ['html', 'pager'], 2)),
      when(['history'], ({ args }) => hasShort(args, 'saw')),
      when(['tar', 'bsdtar', 'gtar'], ({ args }) =>
        args.some(
          (word) => /^--(?:checkpoint-a|to-c|use-c|rsh-c|info-s|new-vol)/.test(word) || isUnknown(word.slice(0, 1)),
        ),
      ),
      when(['zip'], ({ args }) => args.some((word) => /^-[A-Za-z]*TT|^--unzip-command/.test(word))),
    ],
    script: ({ expansions }) =>
      expansions.some(({ transform }) => transform !== undefined && /[PEAKa]/.test(transform)),
  },
  network_recon: {
    description: 'Network Reconnaissance & Tunneling',
    rules: [
      oneOf(
        'nmap',
        'masscan',
        'zmap',
        'rustscan',
        'chisel',
        'frp',
        'frpc',
        'frps',
        'ngrok',
        'cloudflared',
        'bore',
        'localtunnel',
        'lt',
      ),
      when(['ssh', 'scp', 'sftp', 'autossh', 'mosh'], ({ args }) =>
        args.some((word) => word.includes('@') || isUnknown(word)),
      ),
      when(['ssh', 'autossh', 'slogin'], ({ args }) => hasShort(args, 'l', sshValues)),
      when(['scp', 'sftp'], ({ args }) => hasShort(args, 'S', sshValues.replace('S', ''))),
      when(['ssh', 'scp', 'sftp', 'autossh', 'slogin'], ({ args }) =>
        valuesOfOption(args, 'o', '\0', sshValues).some((line) => /^\s*(?:user|\w*command)\b/i.test(line)),
      ),
    ],
  },
  package_install: {
    description: 'Package Installation',
    rules: [
      ({ name, args }) =>
        args[0] !== 'run' &&
        args.some((word) => isInstall(name, word.toLowerCase()) || (installers(name).length > 0 && isUnknown(word))),
      oneOf('npx', 'pnpx', 'bunx', 'uvx', 'pipx', 'easy_install', 'corepack'),
      when(['uv'], ({ args }) => args.some((word) => ['add', 'pip', 'sync', 'tool'].includes(word))),
      matching(python, (run) => modulesOf(run).some((module) => /^(?:pip|ensurepip|pipx|easy_install)/.test(module))),
      when(['yarn'], ({ args }) => args.length === 0),
    ],
  },
  persistence: {
    description: 'Persistence Mechanisms',
    rules: [
      oneOf('crontab', 'at', 'batch'),
      (run) => writes(run).some(isStartupFile),
      when(
        ['tee', 'cp', 'mv', 'ln', 'install', 'dd', 'truncate', 'rsync', 'curl', 'wget', 'sponge', 'patch'],
        ({ args }) => args.some((word) => isStartupFile(word.replace(/^of=/, ''))),
      ),
      matching(
        /^g?sed$/,
        ({ args }) => (hasShort(args, 'i', 'efl') || hasLong(args, ['in-place'])) && args.some(isStartupFile),
      ),
    ],
  },
  process_control: {
    description: 'Process Manipulation',
    rules: [
      when(['kill'], ({ args }) => {
        const signals = [
          ...valuesOfOption(args, 's', 'signal'),
          ...valuesOfOption(args, 'n', '\0'),
          ...args.filter((word) => /^-./.test(word)).map((word) => word.slice(1)),
        ]
        return (
          args.some((word) => isUnknown(word.slice(0, 2))) ||
          signals.some((word) => /^(?:\s*\+?0*9|(?:sig)?kill)$/i.test(word) || isUnknown(word))
        )
      }),
      oneOf('killall', 'pkill', 'killall5', 'skill', 'xkill'),
    ],
  },
  env_dump: {
    description: 'Environment Variable Dumping',
    rules: [
      when(
        ['env'],
        ({ args }) =>
          valuesOfOption(args, 'S', 'split-string', 'uCa').length === 0 &&
          (mayTellVariables(args) || args.every((word) => /^-|=/.test(word) || isUnknown(word))),
      ),
      oneOf('printenv'),
      when(['set'], (run) => run.args.length === 0),
      when(
        ['export', 'declare', 'typeset', 'readonly'],
        ({ args, settings }) =>
          !settings.some(({ isArgument }) => isArgument) &&
          (args.length === 0 || (hasShort(args, 'pxf') && operands(args).length === 0)),
      ),
      when(
        ['compgen'],
        ({ args }) =>
          hasShort(args, 'ev', 'AGWFCXPS') ||
          valuesOfOption(args, 'A', '\0', 'GWFCXPS').some((kind) => /^(?:export|variable)$/.test(kind)),
      ),
      reaches('/proc/*/environ', '/proc/*/task/*/environ'),
      says(/\/proc\/[^\s'"]{1,60}\/environ\b/),
      when(['strings', 'xxd', 'hexdump', 'od'], ({ args }) => args.some((word) => segments(word)[0] === 'proc')),
      matching(python, (run) => /environ|getenv/.test(all(run)) && /GOCLAW_|CLAWMESH_/i.test(all(run))),
      matching(node, (run) => /\benv\b/.test(all(run)) && /GOCLAW_|CLAWMESH_/i.test(all(run))),
    ],
    script: ({ expansions }) => expansions.some(({ name }) => ownSecrets.test(name.toUpperCase())),
  },
} as const satisfies Record<string, DenyGroup>

/** Configuration by which git starts programs, given on its command line. */
const gitRuns =
  /^(?:-c|--config-env=)?(?:core\.(?:pager|editor|sshcommand|fsmonitor|hookspath|askpass)|sequence\.editor|diff\.external|credential\.helper|uploadpack\.|pager\.)/i

/** An invocation with its program's name picked out. */
export const runOf = (invocation: Invocation): Run => {
  const [word = '', ...args] = invocation.words
  return { ...invocation, name: programName(word), args }
}

export type DenyGroupName = keyof typeof groups
export const denyGroups: Readonly<Record<DenyGroupName, DenyGroup>> = groups
export const denyGroupNames = Object.keys(groups) as readonly DenyGroupName[]
