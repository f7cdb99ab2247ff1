/** What is done on a page: with the mouse and the keyboard, as a user would, and in its scripts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cutText } from '@clawmesh/chassis'
import type { KeyInput, Protocol } from 'puppeteer-core'
import { toolError } from '../tool/tool-error.ts'
import { neutraliseMarkers } from '../web/untrusted.ts'
import type { AccessibilityTree } from './snapshot.ts'
import type { ActRequest, OpenPage } from './types.ts'

const mostResult = 200_000
const mostFault = 1_000
/** Up to so many characters are typed key by key. */
const mostKeys = 200
/** A page gets so long to begin to load after something was done on it, and so long to be loaded. */
const settleMs = 150
const loadMs = 5_000
const pollMs = 100

const needed = <T>(value: T | undefined, kind: string, name: string): T => {
  if (value === undefined || value === '') throw toolError(`${kind} needs ${name}`)
  return value
}

const elementOf = ({ refs }: OpenPage, ref: string): number => {
  const element = refs.get(ref)
  if (element === undefined)
    throw toolError(`there is no element ${cutText(ref, 100)} in the last snapshot: take a new one`)
  return element
}

/** Work with an element, which may have gone meanwhile. @throws TOOL_ERROR saying that it has */
const withElement = async <T>(open: OpenPage, ref: string, work: (backendNodeId: number) => Promise<T>): Promise<T> => {
  const element = elementOf(open, ref)
  try {
    return await work(element)
  } catch (thrown) {
    if (thrown instanceof Error && /No node|find node|not attached|detached|does not belong/i.test(thrown.message))
      throw toolError(`the element ${ref} is not on the page any more: take a new snapshot`)
    if (thrown instanceof Error && /layout object|visible|compute content quads/i.test(thrown.message))
      throw toolError(`the element ${ref} cannot be seen, so that it cannot be pointed at`)
    throw thrown
  }
}

/** The middle of what is seen of an element. */
const middleOf = (open: OpenPage, ref: string): Promise<{ x: number; y: number }> =>
  withElement(open, ref, async (backendNodeId) => {
    await open.session.send('DOM.scrollIntoViewIfNeeded', { backendNodeId })
    const { quads } = await open.session.send('DOM.getContentQuads', { backendNodeId })
    const quad = quads[0]
    if (quad === undefined) throw toolError(`the element ${ref} cannot be seen, so that it cannot be pointed at`)
    const [x, y] = [0, 1].map((axis) => quad.reduce((sum, at, index) => (index % 2 === axis ? sum + at : sum), 0) / 4)
    return { x: x!, y: y! }
  })

const faultOf = ({ exception, text }: Protocol.Runtime.ExceptionDetails): string =>
  neutraliseMarkers(cutText(exception?.description ?? String(exception?.value ?? text), mostFault))

/** The script's result as JSON text, cut where it is made. */
const asJson = (expression: string) =>
  `(async (it) => { const value = await (typeof it === 'function' ? it() : it); const text = JSON.stringify(value); return text === undefined ? String(value) : text.slice(0, ${mostResult}) })(${expression})`

/** The browser's own words where it has ended a script that ran too long. */
const isEnded = (thrown: unknown): boolean =>
  thrown instanceof Error && /Runtime\.evaluate\): (?:Internal error|.{0,40}terminated)/.test(thrown.message)

const evaluate = async (open: OpenPage, fn: string, ref: string | undefined, timeout: number): Promise<string> => {
  const { session } = open
  const manner = { awaitPromise: true, returnByValue: true, userGesture: true } as const
  const onPage = () =>
    session
      .send('Runtime.evaluate', { expression: asJson(`(\n${fn}\n)`), ...manner, timeout })
      .catch((thrown: unknown) => {
        throw isEnded(thrown) ? toolError('the script did not end in time, and was ended') : thrown
      })
  const onElement = (named: string) =>
    withElement(open, named, async (backendNodeId) => {
      const { object } = await session.send('DOM.resolveNode', { backendNodeId })
      const applied = `(() => { const it = (\n${fn}\n); return typeof it === 'function' ? it(this) : it })`
      return session.send('Runtime.callFunctionOn', {
        objectId: object.objectId!,
        functionDeclaration: `function () { return ${asJson(applied)} }`,
        ...manner,
      })
    })
  const { result, exceptionDetails } = await (ref === undefined ? onPage() : onElement(ref))
  if (exceptionDetails) throw toolError(`the script failed: ${faultOf(exceptionDetails)}`)
  return cutText(String(result.value), mostResult)
}

/** Whether a text stands on the page. */
const shows = async ({ session }: OpenPage, text: string): Promise<boolean> => {
  const expression = `(document.body?.innerText ?? '').includes(${JSON.stringify(text)})`
  return (await session.send('Runtime.evaluate', { expression, returnByValue: true })).result.value === true
}

/** Waits until what was done has led somewhere. */
const settle = async (open: OpenPage, signal: AbortSignal): Promise<void> => {
  await sleep(settleMs, undefined, { signal })
  const untilMs = performance.now() + loadMs
  while (performance.now() < untilMs) {
    const { result } = await open.session
      .send('Runtime.evaluate', { expression: 'document.readyState', returnByValue: true })
      // Between two documents there is none.
      .catch(() => ({ result: { value: 'loading' } }))
    if (result.value === 'complete' || open.page.isClosed()) return
    await sleep(pollMs, undefined, { signal })
  }
}

const pressKeys = async ({ page: { keyboard } }: OpenPage, keys: string): Promise<void> => {
  const names = keys.length > 1 ? keys.split('+').filter(Boolean) : [keys]
  const held: KeyInput[] = []
  try {
    for (const name of names.slice(0, -1)) {
      await keyboard.down(name as KeyInput)
      held.push(name as KeyInput)
    }
    await keyboard.press(names.at(-1) as KeyInput)
  } catch (thrown) {
    if (thrown instanceof Error && thrown.message.startsWith('Unknown key'))
      throw toolError(`there is no key ${JSON.stringify(keys)}: it is called as in Enter, ArrowDown, Control+a`)
    throw thrown
  } finally {
    for (const name of held.reverse()) await keyboard.up(name)
  }
}

const selectAll = 'function () { if (typeof this.select === "function") this.select() }'

type Act = Exclude<ActRequest['kind'], 'navigate'>

/**
 * Does something on a page.
 * @returns what a script said, as JSON text; undefined for all else
 * @throws TOOL_ERROR for what is missing, or is not there any more
 */
export const act = async (
  open: OpenPage,
  request: ActRequest & { kind: Act },
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<string | undefined> => {
  const { kind, ref, text, key, submit, fn, timeMs } = request
  const { page, session } = open
  const { mouse, keyboard } = page
  const point = () => middleOf(open, needed(ref, kind, 'ref'))
  const acts: Record<Act, () => Promise<string | undefined | void>> = {
    click: async () => {
      const { x, y } = await point()
      await mouse.click(x, y)
      await settle(open, signal)
    },
    hover: async () => {
      const { x, y } = await point()
      await mouse.move(x, y)
    },
    type: async () => {
      const typed = text ?? ''
      await withElement(open, needed(ref, kind, 'ref'), async (backendNodeId) => {
        await session.send('DOM.focus', { backendNodeId })
        const { object } = await session.send('DOM.resolveNode', { backendNodeId })
        await session.send('Runtime.callFunctionOn', { objectId: object.objectId!, functionDeclaration: selectAll })
      })
      if (typed === '') await keyboard.press('Delete')
      else if (typed.length <= mostKeys) await keyboard.type(typed)
      else await keyboard.sendCharacter(typed)
      if (!submit) return
      await keyboard.press('Enter')
      await settle(open, signal)
    },
    press: async () => {
      await pressKeys(open, needed(key, kind, 'key'))
      await settle(open, signal)
    },
    wait: async () => {
      if (text === undefined || text === '') return void (await sleep(timeMs ?? 1_000, undefined, { signal }))
      while (!(await shows(open, text))) await sleep(pollMs, undefined, { signal })
    },
    evaluate: () => evaluate(open, needed(fn, kind, 'fn'), ref, timeoutMs),
  }
  return (await acts[kind]()) ?? undefined
}

/** The accessibility tree of a page. */
export const treeOf = ({ session }: OpenPage): AccessibilityTree => {
  const root = async (frameId?: string) =>
    (await session.send('Accessibility.getRootAXNode', frameId === undefined ? {} : { frameId })).node
  return {
    root,
    below: async ({ nodeId }) => (await session.send('Accessibility.getChildAXNodes', { id: nodeId })).nodes,
    document: async ({ backendDOMNodeId }) => {
      if (backendDOMNodeId === undefined) return undefined
      const { node } = await session.send('DOM.describeNode', { backendNodeId: backendDOMNodeId })
      // A document of another site is in a process of its own.
      if (node.contentDocument === undefined || node.frameId === undefined) return undefined
      return root(node.frameId).catch(() => undefined)
    },
  }
}
