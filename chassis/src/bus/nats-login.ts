/** Servers and login of NATS, from the addresses of the configuration. */

const asUrl = (address: string): URL => new URL(address.includes('://') ? address : `nats://${address}`)

export interface NatsLogin {
  /** Without credentials: the client reads none in addresses. */
  servers: string[]
  user?: string
  pass?: string
  token?: string
}

/**
 * `nats://user:password@host:4222` logs in as a user, `nats://token@host:4222` with a token; the first login of several
 * servers is that of all.
 * @throws TypeError for an address that is none
 */
export const natsLogin = (addresses: readonly string[]): NatsLogin => {
  const urls = addresses.map((address) => asUrl(address.trim()))
  const servers = urls.map((url) => {
    const bare = new URL(url)
    bare.username = bare.password = ''
    return bare.href
  })
  const [user, pass] = urls
    .map(({ username, password }) => [username, password].map(decodeURIComponent))
    .find(([username]) => username !== '') ?? ['', '']
  if (user === '') return { servers }
  return pass === '' ? { servers, token: user! } : { servers, user: user!, pass: pass! }
}
