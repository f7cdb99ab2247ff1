/** The text of a PDF, page by page. */
import { getDocumentProxy } from 'unpdf'
import { mostDocumentChars } from './types.ts'

const mostPages = 2_000

/** @throws for what is no PDF, or is locked */
export const pdfText = async (bytes: Uint8Array): Promise<string> => {
  const pdf = await getDocumentProxy(bytes, { verbosity: 0 })
  const pages: string[] = []
  let chars = 0
  for (let number = 1; number <= Math.min(pdf.numPages, mostPages) && chars <= mostDocumentChars; number++) {
    const page = await pdf.getPage(number)
    const { items } = await page.getTextContent()
    const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('')
    page.cleanup()
    chars += text.length
    pages.push(text)
  }
  return pages.join('\n\n')
}
