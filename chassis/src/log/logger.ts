import pino from 'pino'
import { createLogTail, type LogTail } from './log-tail.ts'

export type Logger = pino.Logger

/** Field names whose values never reach a log, at any of the usual depths. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  'api_key',
  'credentials',
  'encryptionKey',
  'meshSecret',
  'databaseUrl',
  '["x-api-key"]',
  '["api-key"]',
  '["x-mesh-identity"]',
]

const redactPaths = secretFields.flatMap((field) => {
  const path = field.startsWith('[') ? field : `.${field}`
  return [path.replace(/^\./, ''), `*${path}`, `*.*${path}`]
})

/** The loggers made from one, by that one: pino's children keep the level that they were made with. */
const families = new WeakMap<Logger, Set<WeakRef<Logger>>>()

const tails = new WeakMap<Logger, LogTail>()

/** What a logger that `createLogger` made wrote last; undefined for a child. */
export const tailOf = (logger: Logger): LogTail | undefined => tails.get(logger)

/** JSON logs on stdout, or on stderr for commands whose stdout is their answer. Secrets are cut out by field name. */
export const createLogger = (options: { level: string; name: string; stream?: pino.DestinationStream }): Logger => {
  const family = new Set<WeakRef<Logger>>()
  const leavers = new FinalizationRegistry((member: WeakRef<Logger>) => family.delete(member))
  const tail = createLogTail()
  const destination = options.stream ?? pino.destination({ fd: 1, sync: false, minLength: 0 })
  const write = (line: string) => {
    destination.write(line)
    tail.write(line)
  }
  const logger = pino(
    {
      level: options.level,
      base: { name: options.name, pid: process.pid },
      redact: { paths: redactPaths, censor: '***' },
      serializers: { err: pino.stdSerializers.errWithCause },
      timestamp: pino.stdTimeFunctions.isoTime,
      onChild: (child) => {
        const member = new WeakRef(child)
        family.add(member)
        leavers.register(child, member)
      },
    },
    { write },
  )
  tails.set(logger, tail)
  families.set(logger, family)
  return logger
}

/** Changes the level of a logger and of all that were made from it. */
export const setLogLevel = (logger: Logger, level: string): void => {
  logger.level = level
  for (const member of families.get(logger) ?? []) {
    const child = member.deref()
    if (child !== undefined) child.level = level
  }
}
