/**
 * Makes `kubernetes.json` anew, by which the chart's objects are checked: what the API servers of the oldest and the
 * newest supported Kubernetes, and the operators whose objects the chart can make, say of the kinds that it uses. Read
 * from the Go modules that publish them; needs Go. Run it when the supported versions change:
 * `node test/charts/make-schemas.mjs`.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

const kubernetes = ['v1.34.4', 'v1.37.2']
const kinds = [
  'io.k8s.api.core.v1.ConfigMap',
  'io.k8s.api.core.v1.PersistentVolumeClaim',
  'io.k8s.api.core.v1.Pod',
  'io.k8s.api.core.v1.Secret',
  'io.k8s.api.core.v1.Service',
  'io.k8s.api.core.v1.ServiceAccount',
  'io.k8s.api.apps.v1.Deployment',
  'io.k8s.api.apps.v1.StatefulSet',
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  'io.k8s.api.batch.v1.Job',
  'io.k8s.api.networking.v1.Ingress',
  'io.k8s.api.networking.v1.NetworkPolicy',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
]
const operators = [
  [
    'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    'example/prometheus-operator-crd',
    ['monitoring.coreos.com_servicemonitors.yaml', 'monitoring.coreos.com_prometheusrules.yaml'],
  ],
  ['github.com/kedacore/keda/v2@v2.21.0', 'config/crd/bases', ['keda.sh_scaledobjects.yaml']],
  ['github.com/cert-manager/cert-manager@v1.19.1', 'deploy/crds', ['cert-manager.io_certificates.yaml']],
  ['sigs.k8s.io/gateway-api@v1.4.0', 'config/crd/standard', ['gateway.networking.k8s.io_httproutes.yaml']],
]

const scratch = mkdtempSync(join(tmpdir(), 'schemas-'))
writeFileSync(join(scratch, 'go.mod'), 'module schemas\n\ngo 1.24\n')
const moduleFolder = (module) =>
  JSON.parse(execFileSync('go', ['mod', 'download', '-json', module], { cwd: scratch, encoding: 'utf8' })).Dir

const dropped = /^(description|format|default|title|x-kubernetes-(?!int-or-string|preserve).*|enum-desc)$/

/** Without texts, closed where the server knows every field. */
const compact = (schema) => {
  if (Array.isArray(schema)) return schema.map(compact)
  if (typeof schema !== 'object' || schema === null) return schema
  const isEither =
    schema['x-kubernetes-int-or-string'] === true || (schema.type === 'string' && schema.format === 'int-or-string')
  if (isEither) return { type: ['string', 'integer'] }
  const { properties, ...rest } = schema
  const kept = Object.fromEntries(
    Object.entries(rest)
      .filter(([name]) => !dropped.test(name))
      .map(([name, value]) => [name, compact(value)]),
  )
  if (properties === undefined) return kept
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties !== undefined
  const fields = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, compact(value)]))
  return { ...kept, properties: fields, ...(isOpen ? {} : { additionalProperties: false }) }
}

const refsOf = (schema) => [...JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name)

const serverSchemas = (version) => {
  const folder = moduleFolder(`k8s.io/kubernetes@${version}`)
  const { definitions } = JSON.parse(readFileSync(join(folder, 'api/openapi-spec/swagger.json'), 'utf8'))
  const kept = {
    'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: ['string', 'number'] },
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: ['string', 'integer'] },
  }
  const take = (name) => {
    if (kept[name] !== undefined) return
    kept[name] = compact(definitions[name])
    refsOf(kept[name]).forEach(take)
  }
  kinds.forEach(take)
  return kept
}

const operatorSchemas = () =>
  operators.flatMap(([module, folder, files]) => {
    const dir = moduleFolder(module)
    return files.flatMap((file) =>
      parseAllDocuments(readFileSync(join(dir, folder, file), 'utf8'))
        .map((document) => parse(String(document)))
        .filter((found) => found?.kind === 'CustomResourceDefinition')
        .flatMap(({ spec }) =>
          spec.versions
            .filter(({ served, storage }) => served && storage)
            .map(({ name, schema }) => {
              const found = compact(schema.openAPIV3Schema)
              found.properties.metadata = { type: 'object' }
              delete found.properties.status
              return [`${spec.names.kind} ${spec.group}/${name}`, found]
            }),
        ),
    )
  })

const made = {
  kinds,
  versions: Object.fromEntries(kubernetes.map((version) => [version.slice(1), serverSchemas(version)])),
  operators: Object.fromEntries(operatorSchemas()),
}
writeFileSync(new URL('kubernetes.json', import.meta.url), `${JSON.stringify(made)}\n`)
rmSync(scratch, { recursive: true })
