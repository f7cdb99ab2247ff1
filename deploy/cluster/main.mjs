/**
 * `npm run cluster`: a Kubernetes of two nodes on this machine, the images on it, and the suite of `test/cluster`. It takes
 * root on Linux and Go; other programs are installed as packages of Debian where they are missing.
 *
 * `-- up [--images <folder of npm run images -- --save>]` leaves it running, `-- test [files]` runs the suite on it, `-- down
 * [--purge]` ends it. Without a word: all three.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, delimiter } from 'node:path'
import { parseArgs } from 'node:util'
import { runChild } from '../../scripts/process.mjs'
import { fromRoot } from '../../scripts/root.mjs'
import { beginControlPlane, beginNetwork } from './control.mjs'
import { loadImages } from './images.mjs'
import {
  beginContainerd,
  beginKubelet,
  endNode,
  endTraces,
  mountNetworkNamespaces,
  makeBridge,
  untilNodesAreReady,
  setPodShares,
} from './nodes.mjs'
import { end as endProgram, runs } from './processes.mjs'
import { ensurePrograms, lacks, program } from './programs.mjs'
import { hostAddress, kubeconfig, nodes, place } from './settings.mjs'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { images: { type: 'string' }, purge: { type: 'boolean', default: false } },
})
const [word, ...files] = positionals

/** Ends what runs, and takes away what was installed: it would start all at once with the next one. Images stay. */
const end = async () => {
  for (const node of nodes) await endNode(node)
  for (const name of ['dns', 'proxy', 'scheduler', 'controller-manager', 'api-server', 'etcd']) await endProgram(name)
  await endTraces()
  for (const path of [place('etcd'), ...nodes.map(({ name }) => place(name, 'kubelet'))])
    rmSync(path, { recursive: true, force: true })
}

const up = async () => {
  mkdirSync(place(''), { recursive: true })
  await ensurePrograms()
  // One that nobody ended, as when the machine went down, would come back with what was installed.
  if (!runs('etcd')) await end()
  await makeBridge()
  setPodShares()
  await mountNetworkNamespaces()
  for (const node of nodes) await beginContainerd(node)
  await loadImages(values.images)
  await beginControlPlane()
  beginNetwork()
  for (const node of nodes) beginKubelet(node)
  await untilNodesAreReady()
  console.log(`export KUBECONFIG=${kubeconfig} PATH=${place('bin')}:$PATH`)
}

const down = async () => {
  await end()
  if (values.purge) rmSync(place(''), { recursive: true, force: true })
}

const jest = ['--experimental-vm-modules', '--no-warnings', fromRoot('node_modules/jest/bin/jest.js')]
const test = () =>
  runChild(process.execPath, [...jest, '--config', fromRoot('jest.cluster.config.mjs'), ...files], {
    env: {
      ...process.env,
      KUBECONFIG: kubeconfig,
      CLAWMESH_CLUSTER_HOST: hostAddress,
      PATH: [place('bin'), dirname(program('kubectl')), process.env['PATH']].join(delimiter),
    },
  })

const all = async () => {
  try {
    await up()
    return await test()
  } finally {
    await down()
  }
}

const words = { up, test, down }
const lacking = lacks()
if (lacking !== undefined) console.log(`cluster: not tested: ${lacking}`)
else if (word !== undefined && !Object.hasOwn(words, word)) {
  console.error(`cluster: no ${word}; there are ${Object.keys(words).join(', ')}`)
  process.exitCode = 64
} else process.exitCode = (await (word === undefined ? all : words[word])()) ?? 0
