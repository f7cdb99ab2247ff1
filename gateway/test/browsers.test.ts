import type { IncomingMessage, ServerResponse } from 'node:http'
import { createCors } from '../src/edge/cors.ts'
import { createForeignPageGuard } from '../src/edge/development-guard.ts'

const listed = 'https://console.example'

describe('a development edge', () => {
  const outcome = (headers: Record<string, string>, loopbackOnly = true) => {
    const guard = createForeignPageGuard({ loopbackOnly, isAllowedOrigin: createCors(() => [listed]).isAllowed })
    try {
      guard({ headers } as unknown as IncomingMessage)
      return 'served'
    } catch (thrown) {
      return (thrown as { code: string }).code
    }
  }

  it.each([
    ['a program', { host: '127.0.0.1:18790' }, 'served'],
    ['a program by name', { host: 'localhost:18790' }, 'served'],
    ['a program over IPv6', { host: '[::1]:18790' }, 'served'],
    ['HTTP/1.0 without a host', {}, 'served'],
    ['an address that somebody typed', { host: 'localhost:18790', 'sec-fetch-site': 'none' }, 'served'],
    ['a picture of its own page', { host: 'localhost:18790', 'sec-fetch-site': 'same-origin' }, 'served'],
    ['a picture of another page', { host: 'localhost:18790', 'sec-fetch-site': 'cross-site' }, 'FORBIDDEN'],
    ['a link on a page of another port', { host: 'localhost:18790', 'sec-fetch-site': 'same-site' }, 'FORBIDDEN'],
    ['what no browser says', { host: 'localhost:18790', 'sec-fetch-site': 'x' }, 'FORBIDDEN'],
    [
      'a listed origin of another site',
      { host: 'localhost:18790', origin: listed, 'sec-fetch-site': 'cross-site' },
      'served',
    ],
    [
      'a page that claims its origin',
      { host: 'localhost:18790', origin: 'http://localhost:18790', 'sec-fetch-site': 'cross-site' },
      'FORBIDDEN',
    ],
    ['its own page', { host: 'localhost:18790', origin: 'http://localhost:18790' }, 'served'],
    ['a listed origin', { host: 'localhost:18790', origin: listed }, 'served'],
    ['a page of elsewhere', { host: 'localhost:18790', origin: 'https://evil.example' }, 'FORBIDDEN'],
    ['a page of another port', { host: 'localhost:18790', origin: 'http://localhost:3000' }, 'FORBIDDEN'],
    ['a sandboxed page', { host: 'localhost:18790', origin: 'null' }, 'FORBIDDEN'],
    ['the host of a listed origin', { host: 'console.example' }, 'served'],
    ['a rebound name', { host: 'evil.example:18790' }, 'FORBIDDEN'],
    ['a rebound page', { host: 'evil.example:18790', origin: 'http://evil.example:18790' }, 'FORBIDDEN'],
  ])('meets %s', (_, headers, expected) => {
    expect(outcome(headers as Record<string, string>)).toBe(expected)
  })

  it('answers to any name once it listens beyond this machine', () => {
    expect(outcome({ host: 'gateway:18790' }, false)).toBe('served')
    expect(outcome({ host: 'gateway:18790', origin: 'https://evil.example' }, false)).toBe('FORBIDDEN')
  })
})

describe('an origin', () => {
  const marked = (allowed: string[], origin: string) => {
    const headers: Record<string, string> = {}
    const response = { setHeader: (name: string, value: string) => (headers[name] = value) }
    createCors(() => allowed).apply(
      { method: 'GET', headers: { origin } } as IncomingMessage,
      response as unknown as ServerResponse,
    )
    return headers['access-control-allow-origin']
  }

  it.each([
    [[listed], listed, listed],
    [[`${listed}/`], listed, listed],
    [['*'], 'https://any.example', 'https://any.example'],
    [[listed], 'https://evil.example', undefined],
    [[listed], `${listed}.evil.example`, undefined],
    [[listed], 'http://console.example', undefined],
    [[listed], 'null', undefined],
    [[], listed, undefined],
  ])('with %j listed, %s is answered with %s', (allowed, origin, expected) => {
    expect(marked(allowed, origin)).toBe(expected)
  })

  it('is listed or not as the list is now', () => {
    let origins = [listed]
    const { isAllowed } = createCors(() => origins)
    expect([isAllowed(listed), isAllowed('https://new.example')]).toEqual([true, false])
    origins = ['https://new.example']
    expect([isAllowed(listed), isAllowed('https://new.example')]).toEqual([false, true])
  })
})
