/** The words of the protocol that Microsoft Edge reads pages aloud with. */
import { sha256Hex } from '@clawmesh/chassis'

/** What every Edge says; it is no secret. */
const clientToken = '6A5AA1D4EAFF4E9FB37E23D68491D6F4'
const edgeVersion = '143.0.3650.75'
/** Between 1601, where Windows begins to count, and 1970. */
const secondsBefore1970 = 11_644_473_600n
const ticksInSecond = 10_000_000n
/** The proof is the same for five minutes. */
const proofSeconds = 300n

/** That the asker is an Edge of these minutes. @param nowMs Unix milliseconds */
export const proofAt = (nowMs: number): string => {
  const seconds = BigInt(Math.floor(nowMs / 1000)) + secondsBefore1970
  const ticks = (seconds - (seconds % proofSeconds)) * ticksInSecond
  return sha256Hex(`${ticks}${clientToken}`).toUpperCase()
}

export const addressOf = (base: string, connectionId: string, nowMs: number): URL => {
  const url = new URL(base)
  url.searchParams.set('TrustedClientToken', clientToken)
  url.searchParams.set('Sec-MS-GEC', proofAt(nowMs))
  url.searchParams.set('Sec-MS-GEC-Version', `1-${edgeVersion}`)
  url.searchParams.set('ConnectionId', connectionId)
  return url
}

const [major] = edgeVersion.split('.', 1)
export const edgeHeaders = {
  origin: 'chrome-extension://jdiccldimpdaibmpdkjnbmckianbfold',
  'user-agent': `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36 Edg/${major}.0.0.0`,
  'accept-language': 'en-US,en;q=0.9',
  pragma: 'no-cache',
  'cache-control': 'no-cache',
} as const

const messageOf = (headers: Readonly<Record<string, string>>, body: string): string =>
  [...Object.entries(headers).map(([name, value]) => `${name}:${value}`), '', body].join('\r\n')

const outputFormat = 'audio-24khz-48kbitrate-mono-mp3'

export const configMessage = (at: string): string =>
  messageOf(
    { 'X-Timestamp': at, 'Content-Type': 'application/json; charset=utf-8', Path: 'speech.config' },
    JSON.stringify({
      context: {
        synthesis: {
          audio: {
            metadataoptions: { sentenceBoundaryEnabled: 'false', wordBoundaryEnabled: 'false' },
            outputFormat,
          },
        },
      },
    }),
  )

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** For XML, which knows no control characters but tabs and ends of lines. */
export const xmlText = (text: string): string =>
  text
    .replace(/[\p{Cc}\uFFFE\uFFFF]/gu, (mark) => (/[\t\n\r]/.test(mark) ? mark : ' '))
    .replace(/[&<>"']/g, (mark) => entities[mark]!)

/** @param escaped text as `xmlText` makes it */
export const speechMessage = (
  { requestId, at, voice, rate }: { requestId: string; at: string; voice: string; rate: string },
  escaped: string,
): string =>
  messageOf(
    { 'X-RequestId': requestId, 'Content-Type': 'application/ssml+xml', 'X-Timestamp': `${at}Z`, Path: 'ssml' },
    `<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'><voice name='${xmlText(voice)}'>` +
      `<prosody pitch='+0Hz' rate='${rate}' volume='+0%'>${escaped}</prosody></voice></speak>`,
  )

const pathIn = (headers: string): string => /^Path:\s*([\w.]{1,50})/im.exec(headers)?.[1] ?? ''

/** What a text message of the service is about: `turn.start`, `turn.end`, `response` ... */
export const pathOfText = (message: string): string => pathIn(message.slice(0, 2_000))

/** The audio in a binary message: two bytes say how long its headers are. Undefined where it is of something else, or broken. */
export const audioIn = (message: Uint8Array): Uint8Array | undefined => {
  if (message.length < 2) return undefined
  const start = 2 + ((message[0]! << 8) | message[1]!)
  if (start > message.length) return undefined
  const headers = new TextDecoder('latin1').decode(message.subarray(2, Math.min(start, 2_000)))
  return pathIn(headers) === 'audio' ? message.subarray(start) : undefined
}

const mostBytes = 4_000

/** An escaped text in pieces that the service takes, cut between words where there are any, and never inside an entity. */
export const piecesOf = (escaped: string): string[] => {
  const pieces: string[] = []
  let rest = Buffer.from(escaped)
  while (rest.length > mostBytes) {
    const head = rest.subarray(0, mostBytes)
    const space = Math.max(head.lastIndexOf(' '), head.lastIndexOf('\n'))
    let end = space > 0 ? space : mostBytes
    // Not within a character of more than one byte.
    while (end > 0 && (rest[end]! & 0xc0) === 0x80) end--
    const opened = rest.subarray(0, end).lastIndexOf('&')
    if (opened > 0 && rest.subarray(opened, end).indexOf(';') === -1) end = opened
    pieces.push(rest.subarray(0, end).toString())
    rest = rest.subarray(end)
  }
  return [...pieces, rest.toString()].filter((piece) => piece.trim() !== '')
}
