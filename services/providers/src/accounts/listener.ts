/** Where a browser comes back to after a sign-in, on this machine. It listens only while one is open. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Logger } from '@clawmesh/chassis'

/** What the browser has brought, by name. */
export type BroughtBack = URLSearchParams

interface Expected {
  /** Whether the sign-in is done. */
  finish: (brought: BroughtBack) => Promise<boolean>
  timer: NodeJS.Timeout
}

const page = (title: string, text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><p>${text}</p></html>`

const pages = {
  done: [200, page('Signed in', 'The account is signed in. This page may be closed.')],
  failed: [400, page('Not signed in', 'The sign-in has failed. Close this page and begin again.')],
  unknown: [400, page('Not signed in', 'No sign-in waits for this answer.')],
} as const

const answer = (response: ServerResponse, [status, text]: readonly [number, string]): void =>
  void response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'",
      'referrer-policy': 'no-referrer',
    })
    .end(text)

export const createCallbackListener = (redirectUri: string, log: Logger) => {
  const { port, pathname } = new URL(redirectUri)
  const expected = new Map<string, Expected>()
  let server: Server | undefined

  const closeWhenIdle = (): void => {
    if (expected.size > 0 || server === undefined) return
    server.close()
    server.closeIdleConnections()
    server = undefined
  }

  const forget = (state: string): Expected | undefined => {
    const found = expected.get(state)
    if (found === undefined) return undefined
    clearTimeout(found.timer)
    expected.delete(state)
    return found
  }

  const take = async (url: URL, response: ServerResponse): Promise<void> => {
    const found = forget(url.searchParams.get('state') ?? '')
    if (found === undefined) return answer(response, pages.unknown)
    try {
      answer(response, (await found.finish(url.searchParams)) ? pages.done : pages.failed)
    } catch (err) {
      log.warn({ err }, 'a sign-in could not be finished')
      answer(response, pages.failed)
    } finally {
      closeWhenIdle()
    }
  }

  const listen = async (): Promise<void> => {
    if (server !== undefined) return
    const opened = createServer({ keepAlive: false }, (request, response) => {
      const url = new URL(request.url ?? '/', redirectUri)
      response.setHeader('connection', 'close')
      if (request.method === 'GET' && url.pathname === pathname) void take(url, response)
      else response.writeHead(404).end()
    })
    opened.listen(Number(port || 80), '127.0.0.1')
    await once(opened, 'listening')
    server = opened
  }

  return {
    /** Waits for the answer to a state. @throws what keeps it from listening */
    expect: async (state: string, forMs: number, finish: Expected['finish']): Promise<void> => {
      if (expected.has(state)) return
      await listen()
      const timer = setTimeout(() => {
        forget(state)
        closeWhenIdle()
      }, forMs).unref()
      expected.set(state, { finish, timer })
    },
    /** Waits for it no longer. */
    forget: (state: string): void => {
      forget(state)
      closeWhenIdle()
    },
    close: async (): Promise<void> => {
      for (const state of [...expected.keys()]) forget(state)
      server?.closeAllConnections()
      closeWhenIdle()
    },
  }
}

export type CallbackListener = ReturnType<typeof createCallbackListener>
