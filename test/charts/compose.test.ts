/** Docker Compose and images: every target runs, from the image that has it, with variables that the program reads. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openConfigs, settingsOf } from '@clawmesh/chassis'
import { parse } from 'yaml'
import { configDefinitions, targetNames } from '../../cli/src/targets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Named in a way that asks for no types: build scripts are plain JavaScript. */
const imagesFile = join(root, 'deploy/images/images.mjs')
const all = (await import(imagesFile)) as {
  images: Record<string, { targets: string[]; volumes: string[] }>
  usualImages: string[]
  user: number
}
const images = Object.fromEntries(all.usualImages.map((name) => [name, all.images[name]!]))
const read = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'), { merge: true }) as unknown

interface ComposeService {
  image: string
  command?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { disable?: boolean; test?: string[] }
  profiles?: string[]
  stop_grace_period?: string
  volumes?: string[]
  read_only?: boolean
}

const { services } = read('deploy/compose/compose.yaml') as { services: Record<string, ComposeService> }
const programs = Object.entries(services).filter(([, { image }]) => image.includes('localhost/clawmesh'))
const targets = programs.filter(([, { command }]) => command?.[0] === 'start')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** The image that a target is in, of those that hold the embedded database or not. */
const imageOf = (target: string): string =>
  Object.entries(images).find(([, image]) => image.targets.includes(target))![0]

test('every target has one image, the same in Compose and in the chart', () => {
  const values = read('charts/clawmesh/values.yaml') as {
    images: Record<string, { repository: string }>
    defaults: { image: string }
    targets: Record<string, { image?: string }>
  }
  const inImages = Object.values(images).flatMap((image) => image.targets)
  expect([...inImages].sort()).toEqual([...targetNames, 'all'].sort())
  for (const target of inImages)
    expect([target, values.images[values.targets[target]?.image ?? values.defaults.image]!.repository]).toEqual([
      target,
      imageOf(target),
    ])
})

test('the entry with the package helper drops to the user of the images', () => {
  const entry = readFileSync(join(root, 'deploy/images/with-package-helper.sh'), 'utf8')
  expect(/^user=(\d+)$/m.exec(entry)?.[1]).toBe(String(all.user))
})

test('the chart is of the version of the program', () => {
  const chart = read('charts/clawmesh/Chart.yaml') as { version: string; appVersion: string }
  expect([chart.version, chart.appVersion]).toEqual([version, version])
})

test('Compose runs every target from its image, at the version of the program', () => {
  expect(targets.map(([name]) => name).sort()).toEqual([...targetNames].sort())
  for (const [name, { command, image, read_only: isReadOnly }] of targets) {
    expect(command).toEqual(['start', '--target', name])
    expect(image).toMatch(new RegExp(`^\\$\\{[A-Z_]+:-localhost/${imageOf(name)}:${version}\\}$`))
    expect(isReadOnly).toBe(true)
  }
})

test('what volumes are mounted on in Compose can be written to in the images', () => {
  for (const [name, { volumes = [] }] of targets)
    for (const volume of volumes)
      expect([name, images[imageOf(name)]!.volumes]).toEqual([name, expect.arrayContaining([volume.split(':')[1]])])
})

test('the servers of our own image stand in for those of Compose, with their volumes', () => {
  const own = read('deploy/compose/own-servers.yaml') as { services: Record<string, ComposeService> }
  expect(Object.keys(own.services).sort()).toEqual(['nats', 'postgres', 'redis'])
  for (const [name, { image }] of Object.entries(own.services)) {
    expect([name, image]).toEqual([name, expect.stringContaining(`:-localhost/clawmesh-dependencies:${version}}`)])
    for (const volume of services[name]!.volumes ?? [])
      expect(images['clawmesh-dependencies']!.volumes).toContain(volume.split(':')[1])
  }
})

test('Compose sets only variables that the program declares, to values that it takes', () => {
  const known = new Set(settingsOf(configDefinitions).flatMap(({ setting }) => setting.env))
  for (const [name, { environment = {} }] of programs) {
    expect([name, Object.keys(environment).filter((variable) => !known.has(variable))]).toEqual([name, []])
    const filled = Object.entries(environment).map(([variable, text]) => [
      variable,
      text.replaceAll(/\$\{[A-Z_]+:\?[^}]*\}/g, 'a'.repeat(64)).replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1'),
    ])
    expect(() => openConfigs(configDefinitions, { env: Object.fromEntries(filled) as NodeJS.ProcessEnv })).not.toThrow()
  }
})

test('targets start when the schemas are up to date and what they need answers', () => {
  for (const [name, { depends_on: needs = {} }] of Object.entries(services))
    for (const [needed, { condition }] of Object.entries(needs)) {
      const isChecked = services[needed]!.healthcheck?.test !== undefined
      expect([name, needed, condition]).toEqual([
        name,
        needed,
        needed === 'migrate'
          ? 'service_completed_successfully'
          : isChecked
            ? 'service_healthy'
            : 'of something checked',
      ])
    }
  for (const [name, { depends_on: needs = {} }] of targets.filter(([each]) => each !== 'gateway'))
    expect([name, Object.keys(needs).sort()]).toEqual([name, ['migrate', 'nats']])
})

test('a target has the time that leaving takes', () => {
  const { lameDuckMs, drainTimeoutMs } = openConfigs(configDefinitions, { env: {} }).configs.chassis
  for (const [, { stop_grace_period: grace }] of targets)
    expect(Number(grace!.replace(/s$/, '')) * 1_000).toBeGreaterThanOrEqual(lameDuckMs + drainTimeoutMs + 15_000)
})

test('the observability profile watches every target and mounts files that are there', () => {
  const prometheus = read('deploy/compose/prometheus.yaml') as {
    scrape_configs: { honor_labels: boolean; static_configs: { targets: string[]; labels: Record<string, string> }[] }[]
  }
  const [scraped] = prometheus.scrape_configs
  const port = openConfigs(configDefinitions, { env: {} }).configs.chassis.httpPort
  expect([...scraped!.static_configs[0]!.targets].sort()).toEqual(targetNames.map((name) => `${name}:${port}`).sort())
  // The labels that alerts and dashboards go by.
  expect([scraped!.honor_labels, scraped!.static_configs[0]!.labels]).toEqual([
    true,
    { app_kubernetes_io_part_of: 'clawmesh' },
  ])
  const mounted = Object.values(services).flatMap(({ volumes = [] }) =>
    volumes.filter((volume) => volume.startsWith('.')).map((volume) => volume.split(':')[0]!),
  )
  expect(mounted.filter((path) => !existsSync(join(root, 'deploy/compose', path)))).toEqual([])
  expect(Object.entries(services).filter(([, { profiles }]) => profiles?.includes('observability'))).toHaveLength(3)
})
