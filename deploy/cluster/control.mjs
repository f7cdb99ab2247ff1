/** The control plane: etcd, the API server, its controllers, the scheduler, and names and addresses for all nodes. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { capture } from '../../scripts/process.mjs'
import { begin, until } from './processes.mjs'
import { program } from './programs.mjs'
import {
  apiUrl,
  etcdPeerUrl,
  etcdUrl,
  hostAddress,
  kubeconfig,
  nodes,
  place,
  podNetwork,
  serviceNetwork,
} from './settings.mjs'

const keys = (/** @type {string} */ file) => place('keys', file)

/** Asks the API server. @param {string[]} args */
export const kubectl = (...args) => capture(program('kubectl'), ['--kubeconfig', kubeconfig, ...args], process.env)

const writeKeys = async () => {
  mkdirSync(keys(''), { recursive: true, mode: 0o700 })
  if (!existsSync(keys('accounts.key'))) {
    await capture(program('openssl'), ['genrsa', '-out', keys('accounts.key'), '2048'])
    await capture(program('openssl'), ['rsa', '-in', keys('accounts.key'), '-pubout', '-out', keys('accounts.pub')])
  }
  if (!existsSync(keys('tokens.csv')))
    writeFileSync(keys('tokens.csv'), `${randomBytes(16).toString('hex')},admin,admin,system:masters\n`, {
      mode: 0o600,
    })
  const [token] = readFileSync(keys('tokens.csv'), 'utf8').split(',')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: { server: apiUrl, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: 'admin' } }],
    'current-context': 'cluster',
  }
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })
}

/** Starts what every cluster has once, and waits until the API server answers. */
export const beginControlPlane = async () => {
  await writeKeys()
  begin('etcd', program('etcd'), [
    ...['--data-dir', place('etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl, '--listen-peer-urls', etcdPeerUrl],
  ])
  begin('api-server', program('kube-apiserver'), [
    ...[`--etcd-servers=${etcdUrl}`, '--bind-address=127.0.0.1', `--secure-port=${new URL(apiUrl).port}`],
    // It listens on the loopback interface, where endpoints of its Service must not be.
    '--endpoint-reconciler-type=none',
    ...[`--cert-dir=${keys('')}`, `--token-auth-file=${keys('tokens.csv')}`, '--authorization-mode=Node,RBAC'],
    ...[
      `--service-account-key-file=${keys('accounts.pub')}`,
      `--service-account-signing-key-file=${keys('accounts.key')}`,
    ],
    '--service-account-issuer=https://kubernetes.default.svc',
    ...[`--service-cluster-ip-range=${serviceNetwork}`, '--kubelet-preferred-address-types=InternalIP'],
  ])
  await until('the API server', async () => (await kubectl('get', '--raw', '/readyz')).code === 0)

  const asAdmin = [`--kubeconfig=${kubeconfig}`]
  begin('controller-manager', program('kube-controller-manager'), [
    ...asAdmin,
    ...[`--service-account-private-key-file=${keys('accounts.key')}`, `--root-ca-file=${keys('apiserver.crt')}`],
    ...['--leader-elect=false', '--bind-address=127.0.0.1'],
  ])
  begin('scheduler', program('kube-scheduler'), [...asAdmin, '--leader-elect=false', '--bind-address=127.0.0.1'])
}

/** Starts what the addresses of Services and their names need on this machine: once, as all nodes share its network. */
export const beginNetwork = () => {
  begin('proxy', program('kube-proxy'), [
    ...[`--kubeconfig=${kubeconfig}`, `--hostname-override=${nodes[0].name}`, `--bind-address=${hostAddress}`],
    ...['--proxy-mode=nftables', `--cluster-cidr=${podNetwork}`, '--conntrack-max-per-core=0'],
  ])
  const zones = 'cluster.local in-addr.arpa'
  const corefile = `.:53 {\n  bind ${hostAddress}\n  kubernetes ${zones} {\n    kubeconfig ${kubeconfig}\n  }\n  cache 5\n}\n`
  writeFileSync(place('Corefile'), corefile)
  begin('dns', program('coredns'), ['-conf', place('Corefile')])
}
