/** Makes the text of a page readable. All of it is work in proportion to the page, and runs in a thread (page-threads.ts). */
import { htmlTitle } from './html-tokens.ts'
import { htmlToText } from './html-text.ts'
import { layOutJson } from './json-layout.ts'
import { htmlToMarkdown } from './markdown.ts'
import { neutraliseMarkers } from './untrusted.ts'

export interface PageSource {
  /** What the text is, and what it is to become. */
  as: 'markdown' | 'text' | 'json' | 'plain'
  text: string
  /** Where the page is from. */
  url: string
}

export interface RenderedPage {
  /** Of HTML, where it has one. */
  title: string
  /** Without anything that reads like the markers around text from outside. */
  text: string
}

const renderers: Record<PageSource['as'], (source: PageSource) => RenderedPage> = {
  markdown: ({ text, url }) => ({ title: htmlTitle(text), text: htmlToMarkdown(text, url) }),
  text: ({ text }) => ({ title: htmlTitle(text), text: htmlToText(text) }),
  json: ({ text }) => ({ title: '', text: layOutJson(text) }),
  plain: ({ text }) => ({ title: '', text }),
}

/** In time linear in the length of the text. */
export const renderPage = (source: PageSource): RenderedPage => {
  const { title, text } = renderers[source.as](source)
  return { title, text: neutraliseMarkers(text.toWellFormed()) }
}
