/**
 * TLS between processes, out of a folder as cert-manager fills a Secret: `tls.crt`, `tls.key`, and `ca.crt`, which vouches for
 * the others. Files are read again while the process runs, so certificates are renewed without a restart.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import {
  credentials,
  experimental,
  ServerCredentials,
  type ChannelCredentials,
  type experimental as Experimental,
} from '@grpc/grpc-js'

export interface TlsSettings {
  /** `server`: who answers shows a certificate; `mutual`: who calls, too. */
  meshTls?: 'off' | 'server' | 'mutual'
  meshTlsDir?: string
}

type Files = Experimental.IdentityCertificateUpdate & Experimental.CaCertificateUpdate

/** @throws the error of a file that cannot be read, or of TLS when they do not belong together */
const readFiles = (folder: string): Files => {
  const read = (name: string): Buffer => readFileSync(join(folder, name))
  const files = { certificate: read('tls.crt'), privateKey: read('tls.key'), caCertificate: read('ca.crt') }
  createSecureContext({ cert: files.certificate, key: files.privateKey, ca: files.caCertificate })
  return files
}

/** What is wrong with the files of a process that speaks TLS; undefined when nothing is. */
export const tlsFault = ({ meshTls = 'off', meshTlsDir = '' }: TlsSettings): string | undefined => {
  if (meshTls === 'off') return undefined
  try {
    readFiles(meshTlsDir)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

const rereadMs = 60_000

interface Watched extends Experimental.CertificateProvider {
  reread: () => void
}

/** The files of a folder for gRPC. What is unusable for a moment, as half of a renewal, is passed over until it is whole. */
const watchFolder = (folder: string): Watched => {
  let files = readFiles(folder)
  const identities = new Set<Experimental.IdentityCertificateUpdateListener>()
  const authorities = new Set<Experimental.CaCertificateUpdateListener>()
  const reread = (): void => {
    try {
      files = readFiles(folder)
    } catch {
      return
    }
    for (const tell of identities) tell(files)
    for (const tell of authorities) tell(files)
  }
  setInterval(reread, rereadMs).unref()
  // Listeners are told later, as those who add them look at what they are told only then.
  return {
    reread,
    addIdentityCertificateListener: (listener) => {
      identities.add(listener)
      process.nextTick(() => listener(files))
    },
    removeIdentityCertificateListener: (listener) => void identities.delete(listener),
    addCaCertificateListener: (listener) => {
      authorities.add(listener)
      process.nextTick(() => listener(files))
    },
    removeCaCertificateListener: (listener) => void authorities.delete(listener),
  }
}

const watched = new Map<string, Watched>()
const filesOf = (folder: string): Watched => {
  const files = watched.get(folder) ?? watchFolder(folder)
  watched.set(folder, files)
  return files
}

/** Reads a folder again before its minute is over, for tests. */
export const rereadTlsFiles = (folder: string): void => filesOf(folder).reread()

/** What a server takes connections with. @throws Error when the files cannot be used */
export const serverCredentials = ({ meshTls = 'off', meshTlsDir = '' }: TlsSettings): ServerCredentials => {
  if (meshTls === 'off') return ServerCredentials.createInsecure()
  const files = filesOf(meshTlsDir)
  return experimental.createCertificateProviderServerCredentials(files, files, meshTls === 'mutual')
}

/** What a client connects with. @throws Error when the files cannot be used */
export const clientCredentials = ({ meshTls = 'off', meshTlsDir = '' }: TlsSettings): ChannelCredentials => {
  if (meshTls === 'off') return credentials.createInsecure()
  const files = filesOf(meshTlsDir)
  return experimental.createCertificateProviderChannelCredentials(files, meshTls === 'mutual' ? files : null)
}
