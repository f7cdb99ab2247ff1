/** The text of documents, which strangers have made. */
import { zipSync } from 'fflate'
import { createDocumentThreads } from '../src/documents/document-threads.ts'
import { documentText } from '../src/documents/document-text.ts'
import { createFairThreads } from '../src/threads/fair-threads.ts'

const zip = (parts: Record<string, string>): Buffer =>
  Buffer.from(zipSync(Object.fromEntries(Object.entries(parts).map(([name, text]) => [name, Buffer.from(text)]))))
const textOf = async (bytes: Uint8Array) => (await documentText({ bytes })).text

/** A PDF of one page that says a text; its table of contents is right, as readers check it. */
const pdfOf = (text: string): Buffer => {
  const stream = `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let pdf = '%PDF-1.4\n'
  const places = objects.map((object, at) => {
    const place = pdf.length
    pdf += `${at + 1} 0 obj\n${object}\nendobj\n`
    return place
  })
  const entries = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  const table = `xref\n0 6\n0000000000 65535 f \n${entries}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${pdf.length}\n%%EOF`
  return Buffer.from(pdf + table)
}

describe('the text of a document', () => {
  test('is that of a Word document, a line for each paragraph', async () => {
    const body = ['One &amp; two', 'three'].map((text) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`).join('')
    const xml = `<?xml version="1.0"?><w:document><w:body>${body}<w:p><w:instrText>not this</w:instrText></w:p></w:body></w:document>`
    expect(await textOf(zip({ 'word/document.xml': xml }))).toBe('One & two\nthree')
  })

  test('is that of the slides in their order', async () => {
    const slide = (text: string) => `<p:sld><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:sld>`
    const parts = {
      'ppt/presentation.xml': '<p/>',
      'ppt/slides/slide10.xml': slide('ten'),
      'ppt/slides/slide2.xml': slide('two'),
    }
    expect(await textOf(zip(parts))).toBe('two\n\nten')
  })

  test('is that of the cells of a spreadsheet', async () => {
    const sheet =
      '<worksheet><sheetData><row><c t="s"><v>1</v></c><c><v>4.5</v></c></row>' +
      '<row><c t="inlineStr"><is><t>in</t></is></c></row></sheetData></worksheet>'
    const strings = '<sst><si><t>zero</t></si><si><t>sum</t></si></sst>'
    const parts = { 'xl/workbook.xml': '<w/>', 'xl/sharedStrings.xml': strings, 'xl/worksheets/sheet1.xml': sheet }
    expect(await textOf(zip(parts))).toBe('sum\t4.5\nin')
  })

  test('is that of an OpenDocument text, and of a plain one', async () => {
    expect(await textOf(zip({ 'content.xml': '<o><text:h>Head</text:h><text:p>Body</text:p></o>' }))).toBe('Head\nBody')
    expect(await textOf(Buffer.from('plain ü'))).toBe('plain ü')
  })

  test('is missing of what is none', async () => {
    const broken = pdfOf('x').subarray(0, 40)
    for (const bytes of [
      broken,
      zip({ 'a.txt': 'x' }),
      Buffer.from('PK\x03\x04 no archive'),
      Buffer.from([0xff, 0, 1]),
    ])
      expect(await textOf(bytes)).toBeUndefined()
  })

  test('is not unpacked beyond what fits', async () => {
    const bomb = { 'word/document.xml': `<w:t>${'0'.repeat(65 * 1024 * 1024)}</w:t>` }
    expect(await textOf(zip(bomb))).toBeUndefined()
  })
})

/** Fills its memory with what no limit of V8 counts. */
const filling = `
import { parentPort } from 'node:worker_threads'
parentPort.on('message', () => {
  for (const all = []; ; ) if (all.length < 30) all.push(Buffer.alloc(10 * 1024 * 1024, 1))
})`

describe('threads', () => {
  test('are ended when they hold too much beside their heap', async () => {
    const limit = { tasks: 1, size: 1 }
    const words = { tooHeavy: 'too heavy', died: '', tooLong: 'too long', tooMany: '', stopping: '' }
    const threads = createFairThreads<string, string>({
      program: new URL(`data:text/javascript,${encodeURIComponent(filling)}`),
      ...{
        threads: 1,
        perTenant: limit,
        all: limit,
        sizeOf: () => 1,
        timeoutMs: 60_000,
        heapMib: 64,
        buffersMib: 100,
        words,
      },
    })
    await expect(threads.run('tenant', 'fill')).rejects.toThrow('too heavy')
    await threads.close()
  })

  test('read PDFs, and say of broken ones that they hold nothing', async () => {
    const threads = createDocumentThreads()
    const read = async (bytes: Buffer) => (await threads.run('tenant', { bytes })).text
    expect(await read(pdfOf('The answer is 42'))).toContain('The answer is 42')
    expect(await read(pdfOf('x').subarray(0, 40))).toBeUndefined()
    await threads.close()
  })

  test('are ended when a document takes too long', async () => {
    const threads = createDocumentThreads({ timeoutMs: 1 })
    await expect(threads.run('tenant', { bytes: pdfOf('x') })).rejects.toThrow('takes too long')
    await threads.close()
  })
})
