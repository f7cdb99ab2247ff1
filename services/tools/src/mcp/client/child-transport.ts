/** A server that is a program of ours, spoken with over its standard input and output. */
import { ReadBuffer, serializeMessage, type Transport } from '@modelcontextprotocol/client'
import { startChild, type Child } from '@clawmesh/chassis/exec'
import type { PlacedProgram } from './programs.ts'
import { createValueCounter, mostValues } from './value-counter.ts'

const newline = 10

/**
 * A program that is started when the transport is, and ends with all it started when it is closed.
 * @param place says what is to be started, and where
 */
export const createChildTransport = (place: () => Promise<PlacedProgram>, maxMessageBytes: number): Transport => {
  const buffer = new ReadBuffer({ maxBufferSize: maxMessageBytes })
  const counter = createValueCounter()
  let child: Child | undefined

  /** @throws Error when a message is made of more values than are looked at */
  const count = (chunk: Buffer): void => {
    for (const byte of chunk)
      if (byte === newline) counter.restart()
      else if (counter.take(byte) > mostValues) throw new Error('the program says more than is read')
  }

  /** Lines that are no message are passed over: programs print all kinds of things. */
  const deliver = (transport: Transport): void => {
    for (;;)
      try {
        const message = buffer.readMessage()
        if (message === null) return
        transport.onmessage?.(message)
      } catch (thrown) {
        transport.onerror?.(thrown as Error)
      }
  }

  return {
    async start() {
      const { program, left } = await place()
      child = await startChild(program).catch(async (thrown: unknown) => {
        await left()
        throw thrown
      })
      child.stderr.resume()
      child.stdout.on('data', (chunk: Buffer) => {
        try {
          count(chunk)
          buffer.append(chunk)
        } catch (thrown) {
          this.onerror?.(thrown as Error)
          void child?.kill()
          return
        }
        deliver(this)
      })
      void child.ended.then(async () => {
        this.onclose?.()
        await left().catch(() => undefined)
      })
    },
    async send(message) {
      if (child === undefined) throw new Error('not started')
      const { stdin } = child
      if (stdin.destroyed) throw new Error('the program has ended')
      await new Promise<void>((resolve, reject) =>
        stdin.write(serializeMessage(message), (fault) => (fault ? reject(fault) : resolve())),
      )
    },
    async close() {
      await child?.kill()
      buffer.clear()
    },
  }
}
