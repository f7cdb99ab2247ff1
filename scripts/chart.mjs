/**
 * Writes what of the Helm chart follows from elsewhere: `values.schema.json`, closed, from the shape of `values.yaml` and
 * the program's declared configuration, and the table of values in its README from the comments of `values.yaml`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
import { capture } from './process.mjs'
import { fromRoot } from './root.mjs'

/** What the chart sets itself, or keeps in Secrets: no settings of its values. */
const setByChart = [
  /_URL$/,
  /^CLAWMESH_(HTTP_HOST|HTTP_PORT|MESH_TLS|MESH_TLS_DIR|GRPC_PORT|CONFIG|DATA_DIR|WORKSPACE|AUTO_UPGRADE|VERSION|PKG_HELPER_SOCKET)$/,
  /^GOCLAW_(HOST|ALLOW_INSECURE_NO_AUTH)$/,
]

const text = { type: 'string' }
const texts = { type: 'object', additionalProperties: text }
const maps = { type: 'array', items: { type: 'object' } }
const count = { type: 'integer', minimum: 0 }
const port = { type: 'integer', minimum: 1, maximum: 65_535 }
const emptyOr = (schema) => ({ anyOf: [{ const: '' }, schema] })
const oneOf = (...values) => ({ enum: values })
const quantity = { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?([EPTGMk]i?)?$' }
const name = { type: 'string', pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', maxLength: 253 }
const key = { type: 'string', pattern: '^[-._a-zA-Z0-9]+$' }
const secretRef = { ...object({ name, key }), required: ['name', 'key'] }
const url = (pattern) => ({ type: 'string', pattern: `^(${pattern}://.+)?$` })
const share = { anyOf: [count, { type: 'string', pattern: '^(100|[1-9]?[0-9])%$' }] }
const peers = object({ to: maps, ports: { type: 'array', items: port, minItems: 1 } })

/** @param {Record<string, object>} properties */
function object(properties) {
  return { type: 'object', additionalProperties: false, properties }
}

/** What a default alone does not tell, by the end of a value's path. The first that fits counts. */
const known = [
  [/^mode$/, oneOf('all', 'mesh')],
  [/^meshTls\.mode$/, oneOf('off', 'server', 'mutual')],
  [/^config$/, { type: 'object' }],
  [/settings$/, { $ref: '#/definitions/settings' }],
  [/^defaults\.image$/, oneOf('slim', 'runtime')],
  [/\.digest$/, { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' }],
  [/\.tag$/, { type: 'string', pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$' }],
  [/pullPolicy$/, oneOf('Always', 'IfNotPresent', 'Never')],
  [/^imagePullSecrets$/, { type: 'array', items: { ...object({ name }), required: ['name'] } }],
  [/meshSecret\.value$/, { anyOf: [{ const: '' }, { type: 'string', minLength: 32 }] }],
  [/existingSecret\.name$/, name],
  [/existingSecret\.key$/, key],
  [/^database(\.migration)?\.url$/, url('postgres(ql)?')],
  [/^nats\.url$/, url('(nats|tls|wss?)')],
  [/^redis\.url$/, url('rediss?')],
  [
    /^database\.services$/,
    {
      type: 'object',
      propertyNames: oneOf('identity', 'agents', 'providers', 'memory', 'tools', 'channels', 'packages', 'traces'),
      additionalProperties: {
        oneOf: [
          { ...object({ url: url('postgres(ql)?') }), required: ['url'] },
          { ...object({ existingSecret: secretRef }), required: ['existingSecret'] },
        ],
      },
    },
  ],
  [/^networkPolicy\.(database|nats|redis|collector)$/, peers],
  [/^networkPolicy\.internet\.except$/, { type: 'array', items: text }],
  [/ports$/, { type: 'array', items: port, minItems: 1 }],
  [/^service\.type$/, oneOf('ClusterIP', 'NodePort', 'LoadBalancer')],
  [/^service\.port$/, port],
  [/nodePort$/, emptyOr(port)],
  [/externalTrafficPolicy$/, oneOf('', 'Cluster', 'Local')],
  [/loadBalancerSourceRanges$/, { type: 'array', items: text }],
  [
    /^ingress\.hosts$/,
    {
      type: 'array',
      items: {
        ...object({
          host: text,
          paths: {
            type: 'array',
            items: object({ path: text, pathType: oneOf('Prefix', 'Exact', 'ImplementationSpecific') }),
          },
        }),
        required: ['host'],
      },
    },
  ],
  [/^ingress\.tls$/, { type: 'array', items: object({ secretName: name, hosts: { type: 'array', items: text } }) }],
  [/^route\.hostnames$/, { type: 'array', items: text }],
  [/^route\.timeout$/, { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' }],
  [/(interval|scrapeTimeout)$/, { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' }],
  [/^extraObjects$/, { type: 'array', items: { type: ['object', 'string'] } }],
  [/hookAnnotations$/, texts],
  [/(labels|annotations|Labels|Annotations|nodeSelector)$/, texts],
  [/resources$/, { $ref: '#/definitions/resources' }],
  [/(autoscaling\.behavior|affinity|dnsConfig)$/, { type: 'object' }],
  [/(podSecurityContext|securityContext)$/, { type: 'object' }],
  [/keda\.consumers$/, { type: 'array', items: { type: 'string', pattern: '^[a-z][a-z-]*$' } }],
  [/unhealthyPodEvictionPolicy$/, oneOf('AlwaysAllow', 'IfHealthyBudget')],
  [/minAvailable$/, emptyOr(share)],
  [/maxUnavailable$/, share],
  [/maxSurge$/, share],
  [/strategy\.type$/, oneOf('RollingUpdate', 'Recreate')],
  [/terminationGracePeriodSeconds$/, emptyOr({ type: 'integer', minimum: 1 })],
  [/whenUnsatisfiable$/, oneOf('ScheduleAnyway', 'DoNotSchedule')],
  [/accessModes$/, { type: 'array', items: oneOf('ReadWriteOnce', 'ReadWriteMany', 'ReadWriteOncePod'), minItems: 1 }],
  [/\.(size|tmpSize)$/, quantity],
  [/\.storage$/, emptyOr(quantity)],
  [/\.probes\.[a-z]+$/, { $ref: '#/definitions/probe' }],
]

/** @param {import('yaml').Node} node @param {string} path @returns {object} */
const schemaOf = (node, path) => {
  const given = known.find(([pattern]) => pattern.test(path))
  if (given) return given[1]
  if (isMap(node)) {
    if (path === 'targets') {
      const names = node.items.map(({ key }) => String(key))
      return object(Object.fromEntries(names.map((target) => [target, { $ref: '#/definitions/target' }])))
    }
    if (node.items.length === 0) throw new Error(`values.yaml: nothing says what ${path} holds`)
    return object(
      Object.fromEntries(
        node.items.map(({ key: field, value }) => [
          String(field),
          schemaOf(value, path === '' ? String(field) : `${path}.${field}`),
        ]),
      ),
    )
  }
  if (isSeq(node)) return maps
  if (!isScalar(node)) throw new Error(`values.yaml: ${path} has no value`)
  if (typeof node.value === 'number') return count
  return { type: typeof node.value }
}

/** @param {string} printed */
const settingsSchema = (printed) => {
  const { properties, ...schema } = JSON.parse(printed)
  const mine = Object.entries(properties).filter(
    ([variable, { writeOnly }]) => !writeOnly && !setByChart.some((pattern) => pattern.test(variable)),
  )
  const orUnset = (setting) => {
    const { description, ...rest } = setting
    delete rest.default
    return { description, anyOf: [rest, { type: 'null' }] }
  }
  return { ...schema, properties: Object.fromEntries(mine.map(([variable, each]) => [variable, orUnset(each)])) }
}

/** @param {import('yaml').Document} document @param {string} settings */
const valuesSchema = (document, settings) => {
  const schema = schemaOf(document.contents, '')
  const { defaults } = schema.properties
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Clawmesh chart, made by `npm run generate`',
    ...schema,
    properties: { ...schema.properties, defaults: { $ref: '#/definitions/target' }, global: { type: 'object' } },
    definitions: {
      target: defaults,
      settings: settingsSchema(settings),
      probe: object({
        initialDelaySeconds: count,
        periodSeconds: { type: 'integer', minimum: 1 },
        timeoutSeconds: { type: 'integer', minimum: 1 },
        successThreshold: { type: 'integer', minimum: 1 },
        failureThreshold: { type: 'integer', minimum: 1 },
      }),
      resources: object({
        requests: { type: 'object', additionalProperties: { type: ['string', 'number', 'null'] } },
        limits: { type: 'object', additionalProperties: { type: ['string', 'number', 'null'] } },
        claims: maps,
      }),
    },
  }
}

const cell = (words) =>
  words
    .replaceAll('|', '\\|')
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim()

/** One row a value, sections that hold several before theirs. @returns {string[]} */
const rowsOf = (node, path) =>
  node.items.flatMap(({ key: field, value }, place) => {
    const at = path === '' ? String(field.value) : `${path}.${field.value}`
    // The first comment of a map is kept at the map itself.
    const comment = field.commentBefore ?? (place === 0 ? node.commentBefore : undefined) ?? ''
    const about = cell(
      comment
        .split(/\n\s*\n/)
        .at(-1)
        .replaceAll(/^ /gm, ''),
    )
    const isSection = isMap(value) && value.items.length > 0 && !value.flow
    if (!isSection) return [`| \`${at}\` | \`${cell(JSON.stringify(value.toJSON()))}\` | ${about} |`]
    return [...(about === '' ? [] : [`| **${at}** | | ${about} |`]), ...rowsOf(value, at)]
  })

const chart = (/** @type {string} */ file) => fromRoot('charts/clawmesh', file)
const document = parseDocument(readFileSync(chart('values.yaml'), 'utf8'))
const { code, stdout, stderr } = await capture(process.execPath, [fromRoot('cli/src/main.ts'), 'config', 'schema'])
if (code !== 0) throw new Error(stderr)
writeFileSync(chart('values.schema.json'), `${JSON.stringify(valuesSchema(document, stdout), null, 2)}\n`)

const begin = '<!-- made from values.yaml by `npm run generate` -->'
const readme = readFileSync(chart('README.md'), 'utf8')
const before = readme.slice(0, readme.indexOf(begin))
const table = ['| value | default | meaning |', '| --- | --- | --- |', ...rowsOf(document.contents, '')]
writeFileSync(chart('README.md'), [before + begin, '', ...table, ''].join('\n'))
