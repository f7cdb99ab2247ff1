/** Certificates for tests, made by OpenSSL. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureProgram } from './system-program.ts'

const run = promisify(execFile)

/** Fills a folder of that name as cert-manager fills a Secret: a certificate for these hosts, by an authority of its own. */
export const certify = async (parent: string, name: string, hosts: readonly string[]): Promise<string> => {
  const openssl = await ensureProgram(['openssl'], 'openssl')
  const folder = join(parent, name)
  await mkdir(folder)
  const file = (of: string) => join(folder, of)
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const days = ['-days', '2']
  const authority = ['-x509', ...days, '-subj', `/CN=authority of ${name}`]
  await run(openssl, ['req', ...made, ...authority, '-keyout', file('ca.key'), '-out', file('ca.crt')])
  await run(openssl, ['req', ...made, '-subj', `/CN=${name}`, '-keyout', file('tls.key'), '-out', file('request')])
  await writeFile(file('names'), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`)
  const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', file('names')]
  await run(openssl, ['x509', '-req', ...days, '-in', file('request'), ...signed, '-out', file('tls.crt')])
  return folder
}
