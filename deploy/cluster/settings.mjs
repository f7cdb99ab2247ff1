/** The addresses and places of the cluster for tests: nothing of it is reached from outside this machine. */
import { fromRoot } from '../../scripts/root.mjs'

/** Versions, by module of Go. */
export const kubernetesVersion = '1.37.2'
export const corednsVersion = 'v1.15.0'

/** Everything that the cluster writes; `npm run cluster -- down --purge` removes it. */
export const place = (/** @type {string[]} */ ...parts) => fromRoot('.cache/cluster', ...parts)

export const apiUrl = 'https://127.0.0.1:26443'
export const etcdUrl = 'http://127.0.0.1:22379'
export const etcdPeerUrl = 'http://127.0.0.1:22380'

/** The bridge that all pods hang on: the first node's address is this machine's for pods. */
export const bridge = 'clawmesh0'
export const podNetwork = '10.245.0.0/24'
export const serviceNetwork = '10.97.0.0/16'
export const hostAddress = '10.245.0.1'

/**
 * Nodes are kubelets with a containerd each, on one machine and one bridge: enough to drain one and see pods move.
 *
 * @typedef {{ name: string, address: string, firstPod: string, lastPod: string }} Node
 * @type {Node[]}
 */
export const nodes = [
  { name: 'node-1', address: hostAddress, firstPod: '10.245.0.10', lastPod: '10.245.0.129' },
  { name: 'node-2', address: '10.245.0.2', firstPod: '10.245.0.130', lastPod: '10.245.0.250' },
]

export const kubeconfig = place('kubeconfig')
export const socketOf = (/** @type {Node} */ { name }) => place(name, 'containerd.sock')
