/** Keeps a running process's live settings in step with its configuration file. */
import { unwatchFile, watchFile } from 'node:fs'
import {
  chassisConfig,
  ConfigError,
  setLogLevel,
  type Layers,
  type Logger,
  type OpenConfigs,
  type SettingEntry,
} from '@clawmesh/chassis'
import { configFilePath, configNotices, logLevelOf } from './configuration.ts'
import type { configDefinitions } from './targets.ts'

/**
 * How often the file is looked at. It is asked about rather than listened to: the answer follows editors that replace
 * it, Kubernetes that swaps the link above it, and network file systems that send no word.
 */
const lookEveryMs = 300
/** An editor may write in steps: the file is read once it has been left alone this long. */
const quietMs = 300

interface ReloadParts {
  env: NodeJS.ProcessEnv
  /** Reads the layers anew. @throws ConfigError */
  read: () => Layers
  /** What the process started with. */
  layers: Layers
  open: OpenConfigs<typeof configDefinitions>
  log: Logger
}

const nameOf = ({ fileKeys, setting }: SettingEntry): string => fileKeys[0] ?? setting.env[0]

/**
 * Rereads the configuration when its file has changed and at SIGHUP. A file that is wrong or gone is refused as a whole:
 * the values that were good go on. Gives the function that ends it.
 */
export const followConfiguration = ({ env, read, layers, open, log }: ReloadParts): (() => void) => {
  const path = configFilePath(env)
  let hasFile = layers.file !== undefined

  let reported: readonly string[] = []
  const warnOfUnknown = (read: Layers) => {
    const { unknown } = configNotices(read)
    if (unknown.some((name) => !reported.includes(name))) log.warn({ unknown }, 'configuration that nobody knows')
    reported = unknown
  }

  const reload = (asked: boolean) => {
    try {
      const next = read()
      if (next.file === undefined && hasFile) {
        log.error({ file: path }, 'the configuration file is gone: the values that were read go on')
        return
      }
      const { changed, needRestart } = open.reload(next)
      hasFile = next.file !== undefined
      setLogLevel(log, logLevelOf(open.configs.chassis))
      const live = changed.filter((entry) => !needRestart.includes(entry))
      if (asked || live.length > 0) log.info({ file: path, changed: live.map(nameOf) }, 'configuration was read again')
      if (needRestart.length > 0)
        log.warn({ file: path, settings: needRestart.map(nameOf) }, 'changed settings that need a restart')
      warnOfUnknown(next)
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown
      log.error({ file: path, faults: thrown.faults }, 'the configuration is refused: the values that were read go on')
    }
  }

  let timer: NodeJS.Timeout | undefined
  const reloadSoon = () => {
    clearTimeout(timer)
    timer = setTimeout(reload, quietMs, false)
    timer.unref()
  }

  if (!hasFile && chassisConfig.settings.configFile.env.some((name) => env[name]))
    log.warn({ file: path }, 'the configuration file does not exist (yet)')
  warnOfUnknown(layers)
  watchFile(path, { interval: lookEveryMs, persistent: false }, reloadSoon)
  // It may have changed since it was read for the first time.
  reloadSoon()
  const hungUp = () => reload(true)
  // To a process on a terminal the signal says that its terminal is gone.
  if (!process.stdout.isTTY) process.on('SIGHUP', hungUp)
  return () => {
    clearTimeout(timer)
    unwatchFile(path, reloadSoon)
    process.off('SIGHUP', hungUp)
  }
}
