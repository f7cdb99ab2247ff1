/** Sends requests on to a service in another process over the links to its replicas (docs/adr/0020). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  callHttp,
  discardBody,
  NoLinkError,
  notePassing,
  waitForDrain,
  type HttpCall,
  type LinkPool,
} from '@clawmesh/chassis'
import { stripAnswerHeaders } from './hop-headers.ts'
import type { Passed, Proxy } from './proxy.ts'
import { hasBody, headersOf, isShort, readWhole } from './request-body.ts'
import { sendStreamed, sendWhole, type Upload } from './upload.ts'

const passBody = async (call: HttpCall, response: ServerResponse): Promise<void> => {
  for (;;) {
    const chunk = await call.next()
    if (chunk === undefined || call.isOver()) {
      response.end(chunk)
      return
    }
    notePassing(chunk)
    if (!response.write(chunk)) await waitForDrain(response, 'close')
  }
}

/** `plain` sends on what replicas of earlier releases, which know HTTP only, are to answer. */
export const createLinkedProxy = (links: LinkPool, service: string, plain: Proxy): Proxy => {
  const pass = async (
    request: IncomingMessage,
    response: ServerResponse,
    { identity }: Passed,
    upload: Upload | undefined,
  ): Promise<void> => {
    const abort = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) abort.abort()
    })
    const call = callHttp(links, {
      service,
      head: { method: request.method!, url: request.url!, headers: headersOf(request) },
      ...(upload === undefined ? {} : { body: upload }),
      identity,
      signal: abort.signal,
    })
    try {
      const { status, headers } = await call.head()
      if (upload !== undefined) {
        upload.stop()
        discardBody(request, response)
      }
      stripAnswerHeaders(headers)
      response.writeHead(status, headers)
      await passBody(call, response)
    } finally {
      call.close()
    }
  }

  const send = async (request: IncomingMessage, response: ServerResponse, passed: Passed): Promise<void> => {
    const whole = hasBody(request) && isShort(request) ? await readWhole(request) : undefined
    const upload = whole !== undefined ? sendWhole(whole) : hasBody(request) ? sendStreamed(request) : undefined
    try {
      await pass(request, response, passed, upload)
    } catch (thrown) {
      if (!(thrown instanceof NoLinkError)) throw thrown
      plain.forward(request, response, { ...passed, ...(whole === undefined ? {} : { body: whole }) })
    }
  }

  return {
    forward: (request, response, passed) => {
      send(request, response, passed).catch((fault: Error) => {
        if (!response.destroyed) passed.fail(fault)
      })
    },
    close: plain.close,
  }
}
