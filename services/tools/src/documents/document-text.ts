/** The text of a document, whatever kind it is by what it holds. */
import { isUtf8 } from 'node:buffer'
import { officeText } from './office-text.ts'
import { pdfText } from './pdf-text.ts'
import { mostDocumentChars, type DocumentSource, type DocumentText } from './types.ts'

const beginsWith = (bytes: Uint8Array, head: string): boolean =>
  Buffer.from(bytes.subarray(0, head.length)).toString('latin1') === head

const textOf = async (bytes: Uint8Array): Promise<string | undefined> => {
  if (Buffer.from(bytes.subarray(0, 1_024)).includes('%PDF-')) return pdfText(bytes)
  if (beginsWith(bytes, 'PK\x03\x04')) return officeText(bytes)
  return isUtf8(bytes) && !bytes.includes(0) ? Buffer.from(bytes).toString('utf8') : undefined
}

/** Never throws. Runs in a thread of its own. */
export const documentText = async ({ bytes }: DocumentSource): Promise<DocumentText> => {
  const text = await textOf(bytes).catch(() => undefined)
  if (text === undefined) return { text, isCut: false }
  return { text: text.slice(0, mostDocumentChars).toWellFormed(), isCut: text.length > mostDocumentChars }
}
