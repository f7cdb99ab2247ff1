/**
 * Where the programs of a cluster come from. Kubernetes, CoreDNS and what holds a pod's network are built by Go, as their
 * modules are; the others are packages of Debian, installed where this process may. What is on the PATH is taken as it is.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture } from '../../scripts/process.mjs'
import { corednsVersion, kubernetesVersion, place } from './settings.mjs'

const ofKubernetes = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet', 'kubectl']
/** Packages of Debian and Ubuntu, by a program that each brings. */
const packages = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  iptables: 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  openssl: 'openssl',
  mmdebstrap: 'mmdebstrap',
}
/** Plugins for the network of pods are no programs of the PATH. */
const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin']

/** The path of a program: one that was built here, else one of the PATH. @param {string} name */
export const findProgram = (name) =>
  [place('bin'), ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/go/bin']
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

/** The path of a program that `ensurePrograms` has seen to. @param {string} name */
export const program = (name) => {
  const found = findProgram(name)
  if (found === undefined) throw new Error(`${name} is not here`)
  return found
}
export const pluginFolder = () => pluginFolders.find((folder) => existsSync(join(folder, 'bridge'))) ?? pluginFolders[0]

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env @throws Error with the end of what it said */
const must = async (command, args, env = {}) => {
  const { code, stdout, stderr } = await capture(command, args, { ...process.env, ...env })
  if (code !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed:\n${stderr.slice(-2_000)}`)
  return stdout
}

/** What this machine lacks that the project cannot see to, in one line; undefined when it lacks nothing. */
export const lacks = () => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it takes root on Linux'
  const built = [...ofKubernetes, 'coredns']
  if (built.some((name) => findProgram(name) === undefined) && findProgram('go') === undefined)
    return 'Go is not here, which builds Kubernetes'
  const missing = missingPackages()
  if (missing.length > 0 && findProgram('apt-get') === undefined) return `it needs ${missing.join(', ')}`
  return undefined
}

const missingPackages = () => [
  ...Object.entries(packages).flatMap(([name, debian]) => (findProgram(name) === undefined ? [debian] : [])),
  ...(existsSync(join(pluginFolder(), 'bridge')) ? [] : ['containernetworking-plugins']),
  ...(['docker', 'podman', 'buildah'].some((name) => findProgram(name) !== undefined) ? [] : ['buildah', 'podman']),
]

/** Kubernetes as a dependency: its own modules, which it has in its repository, are to be their published versions. */
const buildKubernetes = async (/** @type {string[]} */ names) => {
  const folder = place('build')
  mkdirSync(folder, { recursive: true })
  const module = `k8s.io/kubernetes@v${kubernetesVersion}`
  const go = program('go')
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' }
  const { GoMod } = JSON.parse(await must(go, ['mod', 'download', '-json', module], env))
  const text = readFileSync(GoMod, 'utf8')
  const own = [...text.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging\//gm)].map(([, name]) => name)
  const published = kubernetesVersion.replace(/^1\./, '0.')
  const lines = [
    'module cluster',
    /^go \S+$/m.exec(text)?.[0] ?? '',
    `require ${module.replace('@', ' ')}`,
    ...own.map((name) => `replace ${name} => ${name} v${published}`),
  ]
  writeFileSync(join(folder, 'go.mod'), `${lines.join('\n\n')}\n`)
  const imports = names.map((name) => `import _ "k8s.io/kubernetes/cmd/${name}"`)
  writeFileSync(join(folder, 'tools.go'), `//go:build tools\n\npackage tools\n\n${imports.join('\n')}\n`)
  await must(go, ['-C', folder, 'mod', 'tidy', '-e'], env)
  // Helm compares the server's version with what the chart asks for; without this it is none.
  const facts = { gitVersion: `v${kubernetesVersion}`, gitMajor: '1', gitMinor: kubernetesVersion.split('.')[1] }
  const flags = Object.entries(facts).map(([name, text]) => `-X k8s.io/component-base/version.${name}=${text}`)
  // One build: what the programs share is compiled once, beside what is not.
  const programs = names.map((name) => `k8s.io/kubernetes/cmd/${name}`)
  await must(go, ['build', '-C', folder, '-ldflags', flags.join(' '), '-o', `${place('bin')}/`, ...programs], env)
}

/** Sees to everything; the first time on a machine takes about ten minutes of two cores. */
export const ensurePrograms = async () => {
  const missing = missingPackages()
  if (missing.length > 0) {
    const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    await must('apt-get', ['update', '-qq'], env)
    await must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], env)
  }
  mkdirSync(place('bin'), { recursive: true })
  const unbuilt = ofKubernetes.filter((name) => findProgram(name) === undefined)
  if (unbuilt.length > 0) {
    console.log(`building Kubernetes ${kubernetesVersion} with Go, which takes minutes`)
    await buildKubernetes(unbuilt)
  }
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOBIN: place('bin') }
  if (findProgram('coredns') === undefined)
    await must(program('go'), ['install', `github.com/coredns/coredns@${corednsVersion}`], env)
}
