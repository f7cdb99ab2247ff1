/** The part of turndown (which ships no types) that is used. */
declare module 'turndown' {
  interface Options {
    headingStyle?: 'setext' | 'atx'
    codeBlockStyle?: 'indented' | 'fenced'
    bulletListMarker?: '-' | '+' | '*'
  }
  interface Rule {
    filter: string | string[] | ((node: { nodeName: string; getAttribute(name: string): string | null }) => boolean)
    replacement: (content: string) => string
  }
  class TurndownService {
    constructor(options?: Options)
    remove(names: string[]): this
    addRule(key: string, rule: Rule): this
    turndown(html: string): string
  }
  export = TurndownService
}
