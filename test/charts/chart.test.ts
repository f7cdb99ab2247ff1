/** The Helm chart: what it renders is valid, refers to what is there, and is what the program reads and does. */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProbes, metricsRegistry, openConfigs, settingsOf } from '@clawmesh/chassis'
import { routesOf, type ServiceName } from '@clawmesh/contracts'
import { parse } from 'yaml'
import { configDefinitions, servicesWithDatabase, targetNames } from '../../cli/src/targets.ts'
import { combinations, profiles, refused, type Values } from './combinations.ts'
import { componentOf, kubeVersion, objectsOf, podsOf, render, type Container, type KubeObject } from './rendered.ts'
import { ensureTool, hasTools, root, runTool } from './tools.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const here = hasTools()
if (!here)
  process.stderr.write(
    'charts: not tested, as helm and kubeconform are not here; CLAWMESH_TEST_BUILD_TOOLS=1 builds them with Go\n',
  )
const withTools = here ? describe : describe.skip

/** Renderings by what they are about. */
const texts = new Map<string, string>()
const objects = new Map<string, KubeObject[]>()
const all = () => [...objects.values()].flat()
const mesh = () => objects.get('mesh')!

const buildLimitMs = 1_200_000
const settings = settingsOf(configDefinitions).map(({ setting }) => setting)
const namesOfSettings = new Set(settings.flatMap(({ env }) => env))
const isProgram = ({ name }: Container): boolean => name === 'clawmesh' || name === 'migrate'
const programs = () =>
  [...objects.values()].flatMap((rendered) =>
    podsOf(rendered).flatMap((pod) =>
      pod.spec.containers.filter(isProgram).map((container) => ({ ...pod, container })),
    ),
  )

withTools('the chart', () => {
  beforeAll(async () => {
    await ensureTool('kubeconform')
    const cases: [string, Values, string?][] = [
      ...Object.entries(combinations).map(([name, values]): [string, Values] => [name, values]),
      ...Object.entries(profiles).map(([name, values]): [string, Values, string] => [`profile ${name}`, values, name]),
    ]
    for (const [name, values, profile] of cases) {
      const { code, stdout, stderr } = await render(values, profile)
      if (code !== 0) throw new Error(`${name}: ${stderr}`)
      texts.set(name, stdout)
      objects.set(name, objectsOf(stdout))
    }
  }, buildLimitMs)

  test('passes helm lint --strict, alone and with each profile', async () => {
    const helm = await ensureTool('helm')
    for (const profile of [undefined, ...Object.keys(profiles)]) {
      const files = profile === undefined ? [] : ['--values', `charts/clawmesh/profiles/${profile}.yaml`]
      const given = JSON.stringify(profiles[profile ?? 'minimal'])
      const { code, stdout } = await runTool(
        helm,
        ['lint', '--strict', 'charts/clawmesh', ...kubeVersion, ...files, '--values', '-'],
        given,
      )
      expect([stdout, code]).toEqual([expect.stringContaining('0 chart(s) failed'), 0])
    }
  })

  test('renders objects that the oldest and the newest supported API server take', async () => {
    const { kinds, versions, operators } = JSON.parse(read('test/charts/kubernetes.json')) as {
      kinds: string[]
      versions: Record<string, Record<string, object>>
      operators: Record<string, object>
    }
    const folder = mkdtempSync(join(tmpdir(), 'chart-schemas-'))
    try {
      for (const [version, definitions] of Object.entries(versions)) {
        for (const kind of kinds) {
          const [, group, , name] = /^io\.k8s\.api\.(\w+)\.(v\w+)\.(\w+)$/.exec(kind)!
          const schema = { $ref: `#/definitions/${kind}`, definitions }
          const file = `${version}-${name!.toLowerCase()}-${group === 'core' ? '' : `${group}-`}${/\.(v\w+)\./.exec(kind)![1]}.json`
          writeFileSync(join(folder, file), JSON.stringify(schema))
        }
        for (const [name, schema] of Object.entries(operators)) {
          const [kind, group] = name.split(' ')
          const [host, apiVersion] = group!.split('/')
          const file = `${version}-${kind!.toLowerCase()}-${host!.split('.')[0]}-${apiVersion}.json`
          writeFileSync(join(folder, file), JSON.stringify(schema))
        }
      }
      const kubeconform = await ensureTool('kubeconform')
      const input = [...texts.values()].join('\n---\n')
      for (const version of Object.keys(versions)) {
        const location = `${folder}/${version}-{{.ResourceKind}}{{.KindSuffix}}.json`
        const { stdout, code } = await runTool(
          kubeconform,
          ['-strict', '-summary', '-output', 'json', '-schema-location', location, '-kubernetes-version', version],
          input,
        )
        const { resources = [], summary } = JSON.parse(stdout) as {
          resources?: { msg: string }[]
          summary: { valid: number }
        }
        expect({ faults: resources.map((fault) => JSON.stringify(fault)), code }).toEqual({ faults: [], code: 0 })
        expect(summary.valid).toBe(all().length)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each(Object.entries(refused))('refuses %s', async (_, [values, reason]) => {
    const { code, stderr } = await render(values)
    expect(stderr).toMatch(reason)
    expect(code).not.toBe(0)
  })

  test('runs exactly the targets that the program has', () => {
    const targets = mesh().filter(({ kind }) => kind === 'Deployment')
    expect(targets.map(componentOf).sort()).toEqual([...targetNames].sort())
    for (const { spec } of targets)
      expect(spec.template.spec.containers[0].args).toEqual([
        'start',
        '--target',
        spec.template.metadata.labels['app.kubernetes.io/component'],
      ])
  })

  test('sets only variables that the program declares', () => {
    const set = programs().flatMap(({ container }) => container.env ?? [])
    const unknown = set.map(({ name }) => name).filter((name) => !namesOfSettings.has(name) && name !== 'HTTPS_PROXY')
    expect([...new Set(unknown)]).toEqual([])
    expect(set.length).toBeGreaterThan(1_000)
  })

  test('sets values that the program takes', () => {
    const secrets: Record<string, string> = {
      CLAWMESH_MESH_SECRET: 'm'.repeat(64),
      CLAWMESH_MESH_OTHER_SECRETS: 'n'.repeat(64),
      CLAWMESH_ENCRYPTION_KEY: 'a'.repeat(64),
      CLAWMESH_ENCRYPTION_OTHER_KEYS: 'b'.repeat(64),
    }
    for (const { container } of programs()) {
      const env = Object.fromEntries(
        (container.env ?? []).map(({ name, value }) => [name, value ?? secrets[name] ?? 'nats://set']),
      )
      expect(() => openConfigs(configDefinitions, { env })).not.toThrow()
    }
  })

  test('puts no secret into a pod but by reference', () => {
    const secrets = new Set(settings.filter(({ secret }) => secret).flatMap(({ env }) => env))
    const plain = programs().flatMap(({ container }) =>
      (container.env ?? []).filter(({ name, value }) => secrets.has(name) && value !== undefined),
    )
    expect(plain).toEqual([])
  })

  test('names the ports that the program listens on by default, and probes that it answers', () => {
    const defaults = openConfigs(configDefinitions, { env: {} }).configs
    const answers = createProbes({ unready: () => Promise.resolve([]), away: () => [] })
    const response = { writeHead: () => ({ end: () => {} }) }
    for (const { container, labels } of programs().filter(({ owner }) => owner.kind === 'Deployment')) {
      const ports = Object.fromEntries(container.ports!.map(({ name, containerPort }) => [name, containerPort]))
      const target = labels['app.kubernetes.io/component']!
      const own = container.env!.find(({ name }) => name === 'GOCLAW_PORT')?.value
      expect({ target, ports }).toEqual({
        target,
        ports: ['gateway', 'all'].includes(target)
          ? { http: defaults.chassis.httpPort, edge: Number(own ?? defaults.gateway.port) }
          : { http: defaults.chassis.httpPort, grpc: defaults.chassis.grpcPort },
      })
      for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
        expect(probe!.httpGet.port).toBe('http')
        expect(answers({ url: probe!.httpGet.path } as never, response as never)).toBe(true)
      }
    }
  })

  test('lets every pod have the time that leaving takes', () => {
    for (const { container, spec } of programs().filter(({ owner }) => owner.kind === 'Deployment')) {
      const env = Object.fromEntries(container.env!.map(({ name, value }) => [name, value]))
      const leaving = Number(env['CLAWMESH_LAME_DUCK_MS']) + Number(env['CLAWMESH_DRAIN_TIMEOUT_MS'])
      // The program ends itself 15 seconds after that.
      expect(spec.terminationGracePeriodSeconds! * 1_000).toBeGreaterThanOrEqual(leaving + 15_000)
    }
  })

  test('pods speak TLS with certificates of the names that they call each other by', () => {
    const found = objects.get('certificates of cert-manager')!
    const certificate = found.find(({ kind }) => kind === 'Certificate')!
    const { secretName, dnsNames } = certificate.spec as { secretName: string; dnsNames: string[] }
    const deployments = found.filter(({ kind }) => kind === 'Deployment')
    expect(deployments).toHaveLength(9)
    for (const deployment of deployments) {
      const { spec: pod } = podsOf([deployment])[0]!
      const { env = [], volumeMounts = [] } = pod.containers[0]!
      const valueOf = (name: string) => env.find((variable) => variable.name === name)?.value
      expect(valueOf('CLAWMESH_MESH_TLS')).toBe('mutual')
      const hosts = env.flatMap(({ name, value }) =>
        name.endsWith('_GRPC_URL') ? [value!.replace(/^dns:\/\/\/|:9090$/g, '')] : [],
      )
      expect(hosts.toSorted()).toEqual(dnsNames.toSorted())
      const volume = pod.volumes!.find(({ name }) => name === 'mesh-tls')
      expect(volume).toMatchObject({ secret: { secretName } })
      expect(volumeMounts).toContainEqual(
        expect.objectContaining({ name: 'mesh-tls', mountPath: valueOf('CLAWMESH_MESH_TLS_DIR') }),
      )
    }
    const given = objects.get('certificates that exist')!
    expect(given.some(({ kind }) => kind === 'Certificate')).toBe(false)
  })

  test('makes no pod that the restricted pod security refuses, or that asks for nothing', () => {
    const faults = [...objects].flatMap(([name, rendered]) =>
      podsOf(rendered).flatMap(({ owner, spec }) =>
        spec.containers
          .filter(({ name: container }) => container !== 'side')
          .filter(({ securityContext = {}, resources }) => {
            const isRestricted =
              spec.automountServiceAccountToken === false &&
              spec.securityContext?.['runAsNonRoot'] === true &&
              Number(spec.securityContext['runAsUser']) > 0 &&
              JSON.stringify(spec.securityContext['seccompProfile']) === '{"type":"RuntimeDefault"}' &&
              securityContext['allowPrivilegeEscalation'] === false &&
              securityContext['readOnlyRootFilesystem'] === true &&
              JSON.stringify(securityContext['capabilities']) === '{"drop":["ALL"]}'
            return (
              !isRestricted || resources.requests?.['cpu'] === undefined || resources.limits?.['memory'] === undefined
            )
          })
          .map((container) => `${name}: ${owner.kind} ${owner.metadata.name} ${container.name}`),
      ),
    )
    expect(faults).toEqual([])
  })

  test('refers to nothing that is not there', () => {
    const given = new Set(['urls', 'keys', 'memory', 'ca', 'default', 'mine', 'more'])
    for (const [name, rendered] of objects) {
      const has = (kind: string, wanted: string) =>
        given.has(wanted) || rendered.some((object) => object.kind === kind && object.metadata.name === wanted)
      const pods = podsOf(rendered)
      const missing = pods.flatMap(({ spec }) => [
        ...(has('ServiceAccount', spec.serviceAccountName!) ? [] : [`ServiceAccount ${spec.serviceAccountName}`]),
        ...spec.containers
          .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []))
          .filter(({ name: secret, key }) => {
            const found = rendered.find((object) => object.kind === 'Secret' && object.metadata.name === secret)
            return !given.has(secret) && found?.data?.[key] === undefined
          })
          .map(({ name: secret, key }) => `Secret ${secret} ${key}`),
        ...(spec.volumes ?? []).flatMap(({ persistentVolumeClaim, configMap }) => [
          ...(persistentVolumeClaim && !has('PersistentVolumeClaim', persistentVolumeClaim.claimName) ? ['claim'] : []),
          ...(configMap && !has('ConfigMap', configMap.name) ? [`ConfigMap ${configMap.name}`] : []),
        ]),
      ])
      const scaled = rendered
        .filter(({ kind }) => kind === 'HorizontalPodAutoscaler' || kind === 'ScaledObject')
        .filter(({ spec }) => !has('Deployment', spec.scaleTargetRef.name))
      const selecting = rendered
        .filter(({ kind }) => ['Service', 'PodDisruptionBudget', 'NetworkPolicy'].includes(kind))
        .filter(({ metadata, spec }) => {
          const selector = (spec.selector?.matchLabels ?? spec.podSelector?.matchLabels ?? spec.selector) as Record<
            string,
            string
          >
          const matches = pods.some(({ labels }) =>
            Object.entries(selector).every(([key, value]) => labels[key] === value),
          )
          // The policy of migrations is there for the next one.
          return !matches && !metadata.name.endsWith('-migrate')
        })
      expect([
        name,
        missing,
        [...scaled, ...selecting].map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ]).toEqual([name, [], []])
    }
  })

  test('lets what a target says go before the defaults, false and 0 too', () => {
    const rendered = objects.get('budgets by what must stay')!
    const budgets = rendered.filter(({ kind }) => kind === 'PodDisruptionBudget').map(componentOf)
    expect(budgets.sort()).toEqual(targetNames.filter((name) => name !== 'traces').sort())
    const packages = rendered.find((object) => object.kind === 'Deployment' && componentOf(object) === 'packages')!
    expect([packages.spec.replicas, packages.spec.template.spec.automountServiceAccountToken]).toEqual([0, false])
  })

  test('sends callers to Services that are there', () => {
    const services = new Map(
      mesh()
        .filter(({ kind }) => kind === 'Service')
        .map(({ metadata, spec }) => [
          `${metadata.name}.${metadata.namespace}`,
          spec.ports.map(({ port }: { port: number }) => port) as number[],
        ]),
    )
    const env = podsOf(mesh()).find(({ labels }) => labels['app.kubernetes.io/component'] === 'gateway')!.spec
      .containers[0]!.env!
    for (const service of servicesWithDatabase) {
      const of = (name: string) =>
        env.find((entry) => entry.name === `CLAWMESH_${service.toUpperCase()}_${name}_URL`)!.value!
      const http = new URL(of('HTTP'))
      const [, host, port] = /^dns:\/\/\/([^:]+):(\d+)$/.exec(of('GRPC'))!
      expect(services.get(http.hostname)).toContain(Number(http.port))
      expect(services.get(host!)).toContain(Number(port))
    }
  })

  test('opens the network between targets exactly where the code calls over gRPC', () => {
    const owners = new Map<string, string>(
      globSync('proto/clawmesh/*/v1/*.proto', { cwd: root }).flatMap((file) =>
        [...read(file).matchAll(/^service (\w+) /gm)].map(
          ([, name]) => [`${name}Service`, file.split('/')[2]!] as [string, string],
        ),
      ),
    )
    const calls = (service: string) =>
      globSync(`services/${service}/src/**/*.ts`, { cwd: root }).flatMap((file) =>
        [...read(file).matchAll(/mesh\.client\((\w+)\)/g)].map(
          ([, definition]) => owners.get(definition!) ?? definition!,
        ),
      )
    for (const service of servicesWithDatabase) {
      // Everybody asks identity for the configuration that owners have set.
      const callees = new Set([...calls(service), 'identity'].filter((callee) => callee !== service))
      const policy = mesh().find((object) => object.kind === 'NetworkPolicy' && componentOf(object) === service)!
      const opened = policy.spec.egress.flatMap(
        ({ to = [] }: { to?: { podSelector?: { matchLabels: Record<string, string> } }[] }) =>
          to.flatMap(({ podSelector }) => podSelector?.matchLabels['app.kubernetes.io/component'] ?? []),
      )
      expect([service, opened.sort()]).toEqual([service, [...callees].sort()])
    }
  })

  test('lets in whom it lets out', () => {
    const policies = mesh().filter(({ kind }) => kind === 'NetworkPolicy')
    const partners = (rules: { from?: Peer[]; to?: Peer[] }[], side: 'from' | 'to') =>
      rules.flatMap((rule) =>
        (rule[side] ?? []).flatMap(({ podSelector }) => podSelector?.matchLabels['app.kubernetes.io/component'] ?? []),
      )
    type Peer = { podSelector?: { matchLabels: Record<string, string> } }
    const out = policies.flatMap((policy) =>
      partners(policy.spec.egress, 'to').map((callee) => `${componentOf(policy)} > ${callee}`),
    )
    const into = policies.flatMap((policy) =>
      partners(policy.spec.ingress ?? [], 'from').map((caller) => `${caller} > ${componentOf(policy)}`),
    )
    expect(into.sort()).toEqual(out.sort())
    expect(out).toEqual(expect.arrayContaining(servicesWithDatabase.map((service) => `gateway > ${service}`)))
  })

  test('scales traces and channels by consumers that the code has', () => {
    const scalers = objects.get('scaled by waiting events')!.filter(({ kind }) => kind === 'ScaledObject')
    const consumers = scalers.flatMap(({ spec }) =>
      spec.triggers.map(({ metadata }: { metadata: { consumer: string } }) => metadata.consumer),
    )
    const declared = globSync(['services/traces/src/*/events.ts', 'services/channels/src/webhooks/intake.ts'], {
      cwd: root,
    }).map((file) => `${file.split('/')[1]}-${/name: '(\w+)'/.exec(read(file))![1]}`)
    expect(consumers.sort()).toEqual(declared.sort())
    expect(scalers).toHaveLength(2)
  })

  test('tests the edge with an operation of every service', () => {
    const paths = Object.fromEntries(
      [...read('charts/clawmesh/files/test.mjs').matchAll(/^ {2}(\w+): '([^']+)'/gm)].map(([, name, path]) => [
        name,
        path,
      ]),
    )
    expect(Object.keys(paths).sort()).toEqual([...targetNames].sort())
    for (const [service, path] of Object.entries(paths))
      expect(
        routesOf(service as ServiceName)
          .filter((route) => route.method === 'GET')
          .map((route) => route.path),
      ).toContain(path)
  })

  test('uses every value that it declares', () => {
    const templates = globSync('charts/clawmesh/templates/**/*', { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n')
    const leaves = (values: object): string[] =>
      Object.entries(values).flatMap(([key, value]) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        !/resources|ontext$|probes|nnotations|^(requests|limits|strategy|labels|settings)$/.test(key)
          ? [key, ...leaves(value as object)]
          : [key],
      )
    const named = new Set(leaves(parse(read('charts/clawmesh/values.yaml')) as object))
    const unused = [...named].filter((key) => !new RegExp(`\\b${key}\\b`).test(templates))
    // Named by the value `image` of the targets that run from it.
    expect(unused).toEqual(['runtime'])
  })
})

test('alerts and dashboards ask for metrics that the program has', () => {
  createProbes({ unready: () => Promise.resolve([]), away: () => [] })
  const known = new Set(
    metricsRegistry.getMetricsAsArray().flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
  )
  known.add('up')
  const files = globSync('charts/clawmesh/observability/{*.yaml,dashboards/*.json}', { cwd: root })
  const asked = files.flatMap((file) => {
    const found: string[] = []
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      for (const [key, each] of Object.entries(value)) {
        if (key === 'expr' && typeof each === 'string') found.push(each)
        else collect(each)
      }
    }
    collect(parse(read(file)))
    return found
  })
  const metrics = asked.flatMap((expr) => {
    const bare = expr.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, '')
    return [...bare.matchAll(/\b[a-z][a-z_]+\b(?!\s*\()/g)].map(([name]) => name).filter((name) => name !== 'by')
  })
  expect([...new Set(metrics)].filter((name) => !known.has(name))).toEqual([])
  expect(metrics.length).toBeGreaterThan(20)
})
