/** A node: a kubelet over a containerd of its own, with a share of the pods' network. */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { capture } from '../../scripts/process.mjs'
import { kubectl } from './control.mjs'
import { begin, end, until } from './processes.mjs'
import { pluginFolder, program } from './programs.mjs'
import { bridge, hostAddress, kubeconfig, nodes, place, podNetwork, socketOf } from './settings.mjs'

/** @typedef {import('./settings.mjs').Node} Node */

/** The image that holds a pod's network; the project makes it (images.mjs). */
export const pauseImage = 'localhost/clawmesh-pause:1'

const ip = (/** @type {string[]} */ ...args) => capture(program('ip'), args)

/** The bridge and the nodes' addresses on it. */
export const makeBridge = async () => {
  await ip('link', 'add', bridge, 'type', 'bridge')
  for (const { address } of nodes) await ip('address', 'add', `${address}/24`, 'dev', bridge)
  const { code, stderr } = await ip('link', 'set', bridge, 'up')
  if (code !== 0) throw new Error(`no bridge ${bridge}: ${stderr}`)
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
}

const namespaces = '/run/netns'
/**
 * podman and `ip netns` lay the folder of networks over itself when they first need it. After pods have begun, that would
 * hide theirs, and they could never end: so it is done before.
 */
export const mountNetworkNamespaces = async () => {
  if (readFileSync('/proc/mounts', 'utf8').includes(` ${namespaces} `)) return
  mkdirSync(namespaces, { recursive: true })
  for (const args of [['--bind', namespaces], ['--make-shared']]) {
    const { code, stderr } = await capture('mount', [...args, namespaces])
    if (code !== 0) throw new Error(`${namespaces} cannot be laid over itself: ${stderr}`)
  }
}

const networkOf = (/** @type {Node} */ { name, firstPod, lastPod }) => ({
  cniVersion: '0.4.0',
  name: `clawmesh-${name}`,
  plugins: [
    {
      type: 'bridge',
      bridge,
      ipMasq: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: place(name, 'addresses'),
        ranges: [[{ subnet: podNetwork, rangeStart: firstPod, rangeEnd: lastPod, gateway: hostAddress }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
})

const containerdOf = (/** @type {Node} */ node) => `version = 2
root = "${place(node.name, 'images')}"
state = "${place(node.name, 'state')}"
[grpc]
  address = "${socketOf(node)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${pluginFolder()}"
    conf_dir = "${place(node.name, 'network')}"
`

const kubeletOf = (/** @type {Node} */ node) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: node.address,
  healthzBindAddress: node.address,
  // Its address is one that this machine and the pods on it reach, nobody else.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  // Machines with the first version of control groups, or with both, and without systemd.
  cgroupDriver: 'cgroupfs',
  failCgroupV1: false,
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  containerRuntimeEndpoint: `unix://${socketOf(node)}`,
  clusterDomain: 'cluster.local',
  clusterDNS: [hostAddress],
  podLogsDir: place(node.name, 'logs'),
  evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
})

/** Asks a node's containerd. @param {Node} node @param {string[]} args */
export const ctr = (node, ...args) =>
  capture(program('ctr'), ['--address', socketOf(node), '--namespace', 'k8s.io', ...args])

const shares = '/sys/fs/cgroup/cpu'
/** Of a process that has no group of its own: 1024. */
const sharesOfPods = '4096'
/**
 * Where control groups are of the first version, all pods together weigh as much as any one process beside them, and get
 * next to nothing while the suite, the control plane and others of this machine are busy. The second version shares out
 * between groups alone.
 */
export const setPodShares = () => {
  const group = `${shares}/k8s.io`
  if (!existsSync(`${shares}/cpu.shares`)) return
  mkdirSync(group, { recursive: true })
  writeFileSync(`${group}/cpu.shares`, sharesOfPods)
}

/** Starts a node's containerd and waits until it answers: images can be loaded. @param {Node} node */
export const beginContainerd = async (node) => {
  mkdirSync(place(node.name, 'network'), { recursive: true })
  writeFileSync(place(node.name, 'network/10-pods.conflist'), JSON.stringify(networkOf(node)))
  writeFileSync(place(node.name, 'containerd.toml'), containerdOf(node))
  begin(`${node.name}-containerd`, program('containerd'), ['--config', place(node.name, 'containerd.toml')])
  await until(`containerd of ${node.name}`, async () => (await ctr(node, 'version')).code === 0)
}

/** @param {Node} node */
export const beginKubelet = (node) => {
  writeFileSync(place(node.name, 'kubelet.json'), JSON.stringify(kubeletOf(node)))
  begin(`${node.name}-kubelet`, program('kubelet'), [
    ...[`--config=${place(node.name, 'kubelet.json')}`, `--kubeconfig=${kubeconfig}`],
    ...[`--hostname-override=${node.name}`, `--node-ip=${node.address}`, `--root-dir=${place(node.name, 'kubelet')}`],
  ])
}

/** Waits until all of them take pods. */
export const untilNodesAreReady = () =>
  until('the nodes', async () => {
    const path = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {end}'
    const { stdout } = await kubectl('get', 'nodes', '--output', `jsonpath=${path}`)
    return stdout.split(' ').filter((status) => status === 'True').length === nodes.length
  })

/** Ends a node with everything that runs on it. @param {Node} node */
export const endNode = async (node) => {
  await end(`${node.name}-kubelet`)
  const { stdout } = await ctr(node, 'tasks', 'list', '--quiet')
  for (const id of stdout.split('\n').filter(Boolean)) await ctr(node, 'tasks', 'kill', '--signal', 'SIGKILL', id)
  await until(
    `the pods of ${node.name}`,
    async () => !(await ctr(node, 'tasks', 'list')).stdout.includes('RUNNING'),
    30_000,
  )
  for (const id of stdout.split('\n').filter(Boolean)) await ctr(node, 'tasks', 'delete', id)
  await end(`${node.name}-containerd`)
}

/** Takes away what nodes leave in the machine's network and file systems. */
export const endTraces = async () => {
  await ip('link', 'delete', bridge)
  for (const family of ['ip', 'ip6']) await capture(program('nft'), ['delete', 'table', family, 'kube-proxy'])
  if (!existsSync(place(''))) return
  // The system names what is mounted by where it really is, which a link may hide.
  const here = `${realpathSync(place(''))}/`
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const path of mounts
    .filter((mount) => mount.startsWith(here))
    .toSorted()
    .toReversed())
    await capture('umount', ['--lazy', path])
}
