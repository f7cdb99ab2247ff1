/** What is stored as it is delivered: links to files are signed for whoever reads them, as stored texts are not. */
import { deliverLinks, deliverPath, type SignedUrls, type SignPath } from '@clawmesh/chassis'
import type { Message } from './types.ts'

interface Reader {
  tenantId: string
  userId: string
}

interface Named {
  path: string
}

export interface Delivery {
  text: (text: string) => string
  files: <T extends Named>(files: readonly T[]) => T[]
  /** A message with all that it carries. */
  message: (message: Message) => Omit<Message, 'extra'> & NonNullable<Message['extra']>
  /** Signs a path for the reader. */
  sign: SignPath
}

/** Delivers to a reader. */
export type DeliverTo = (reader: Reader) => Delivery

export const createDelivery =
  ({ sign: signFor }: Pick<SignedUrls, 'sign'>): DeliverTo =>
  ({ tenantId, userId }) => {
    const sign: SignPath = (path) => signFor(path, { tenantId, userId })
    const text = (given: string) => deliverLinks(given, sign)
    const files = <T extends Named>(given: readonly T[]): T[] =>
      given.map((file) => ({ ...file, path: deliverPath(file.path, sign) }))
    return {
      sign,
      text,
      files,
      message: ({ extra, ...message }) => ({
        ...message,
        ...extra,
        content: text(message.content),
        ...(extra?.mediaRefs === undefined ? {} : { mediaRefs: files(extra.mediaRefs) }),
      }),
    }
  }
