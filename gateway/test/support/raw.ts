/** Bytes on a connection, as no HTTP client would send them. */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  status: number
  headers: Record<string, string>
  text: string
}

export interface RawExchange {
  socket: Socket
  /** What has come so far. */
  received: () => string
  /** Everything, once the server has closed. */
  closed: Promise<string>
}

/** Opens a connection and sends a text, its characters as bytes. */
export const open = (port: number, text = ''): RawExchange => {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let received = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (received += chunk))
  // A server that closes on bytes it has not read resets the connection.
  socket.on('error', () => undefined)
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)))
  socket.write(text, 'latin1')
  return { socket, received: () => received, closed }
}

/** Sends a text and gives all that comes until the server closes. */
export const exchange = (port: number, text: string): Promise<string> => open(port, text).closed

/** The answers in what was received; each is framed by its Content-Length. Interim answers are left out. */
export const answersIn = (received: string): RawAnswer[] => {
  const answers: RawAnswer[] = []
  for (let rest = received; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n')
    const [line = '', ...lines] = rest.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map((header) => [header.split(':', 1)[0]!.toLowerCase(), header.slice(header.indexOf(':') + 1).trim()]),
    )
    const length = Number(headers['content-length'] ?? 0)
    const text = rest.slice(end + 4, end + 4 + length)
    if (end < 0 || !line.startsWith('HTTP/1.1 '))
      throw new Error(`no HTTP answer: ${JSON.stringify(rest.slice(0, 200))}`)
    const status = Number(line.slice(9, 12))
    if (status >= 200) answers.push({ status, headers, text })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}
