import pino from 'pino'

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

/** JSON logs on stdout, or on stderr for commands whose stdout is their answer. Secrets are cut out by field name. */
export const createLogger = (options: { level: string; name: string; stream?: pino.DestinationStream }): Logger =>
  pino(
    {
      level: options.level,
      base: { name: options.name, pid: process.pid },
      redact: { paths: redactPaths, censor: '***' },
      serializers: { err: pino.stdSerializers.errWithCause },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    options.stream ?? pino.destination({ fd: 1, sync: false, minLength: 0 }),
  )
