/** `clawmesh config`: what is configured, whether it is right, and the table for the documentation. */
import { loadConfigs, resolveSetting, type Setting } from '@clawmesh/chassis'
import { configDefinitions } from '../targets.ts'

const rows = (): { room: string; setting: Setting }[] =>
  Object.entries(configDefinitions).flatMap(([room, { settings }]) =>
    Object.values<Setting>(settings).map((setting) => ({ room, setting })),
  )

/** @throws ConfigError listing every fault */
export const verifyConfig = (env: NodeJS.ProcessEnv): void => {
  loadConfigs(configDefinitions, env)
}

/** Every setting with its effective value, secrets masked, and where it comes from. */
export const printConfig = (env: NodeJS.ProcessEnv): string =>
  rows()
    .map(({ setting }) => {
      const { variable, value, source, fault } = resolveSetting(setting, env)
      const shown =
        fault !== undefined ? `INVALID: ${fault}` : setting.secret && value ? '***' : JSON.stringify(value ?? null)
      return `${variable}=${shown}  (${source})`
    })
    .join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** The configuration reference as Markdown. */
export const configDocs = (): string =>
  [
    '# Configuration',
    '',
    'Made from the schemas by `npm run generate`; do not edit. Every value is an environment variable.',
    '',
    '| room | variable | default | meaning |',
    '|---|---|---|---|',
    ...rows().map(({ room, setting }) => {
      const fallback = resolveSetting(setting, {}).value as string | number | boolean | string[] | object | undefined
      const shown =
        fallback === undefined || fallback === ''
          ? ''
          : `\`${typeof fallback === 'object' ? JSON.stringify(fallback) : fallback}\``
      return `| ${room} | ${setting.env.map((name) => `\`${name}\``).join(' ')} | ${cell(shown)} | ${cell(setting.about)} |`
    }),
    '',
  ].join('\n')
