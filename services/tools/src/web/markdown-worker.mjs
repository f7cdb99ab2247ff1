/**
 * The thread in which pages are turned into Markdown; see markdown.ts.
 *
 * JavaScript, as Node strips types with WebAssembly, in each thread anew: whoever serves pages that end the thread would
 * have us make and free that code over and over (docs/adr/0016).
 */
import { parentPort } from 'node:worker_threads'
import TurndownService from 'turndown'

const service = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' })
service.remove(['script', 'style', 'noscript', 'template', 'svg', 'iframe', 'object', 'head', 'title'])
// Pictures inlined as data are long and say nothing.
service.addRule('inline-picture', {
  filter: (node) => node.nodeName === 'IMG' && (node.getAttribute('src') ?? '').startsWith('data:'),
  replacement: () => '',
})

/**
 * Null when the page is beyond the library, such as one nested deeper than the stack.
 *
 * @param {string} html
 * @returns {string | null}
 */
const convert = (html) => {
  try {
    return service.turndown(html)
  } catch {
    return null
  }
}

parentPort?.on('message', (html) => parentPort?.postMessage(convert(html)))
