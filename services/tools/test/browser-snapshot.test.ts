/** A page in lines, from trees as Chromium tells them. */
import { takeSnapshot, type AccessibilityTree, type TreeNode } from '../src/browser/snapshot.ts'
import type { SnapshotOptions } from '../src/browser/types.ts'

interface Sketch {
  role: string
  name?: string
  value?: string
  ignored?: boolean
  is?: Record<string, unknown>
  children?: Sketch[]
}

/** Nodes by their ids, and how often children were asked for. */
const treeOf = (sketch: Sketch) => {
  const nodes: TreeNode[] = []
  const add = ({ role, name = '', value, ignored = false, is = {}, children = [] }: Sketch): string => {
    const nodeId = String(nodes.length + 1)
    const node = {
      nodeId,
      ignored,
      role: { type: 'role', value: role },
      name: { type: 'computedString', value: name },
      ...(value === undefined ? {} : { value: { type: 'string', value } }),
      properties: Object.entries(is).map(([property, its]) => ({
        name: property,
        value: { type: 'string', value: its },
      })),
      backendDOMNodeId: 100 + nodes.length,
      childIds: [] as string[],
    } as unknown as TreeNode & { childIds: string[] }
    nodes.push(node)
    node.childIds = children.map(add)
    return nodeId
  }
  add(sketch)
  let asked = 0
  const tree: AccessibilityTree = {
    root: async () => nodes[0]!,
    below: async ({ childIds = [] }) => {
      asked++
      return nodes.filter(({ nodeId }) => childIds.includes(nodeId))
    },
    document: async () => undefined,
  }
  return { tree, asked: () => asked }
}

const form: Sketch = {
  role: 'RootWebArea',
  name: 'Sign in',
  is: { focusable: true },
  children: [
    {
      role: 'generic',
      ignored: true,
      children: [
        { role: 'heading', name: 'Welcome', is: { level: 1 }, children: [{ role: 'StaticText', name: 'Welcome' }] },
        {
          role: 'list',
          children: [
            {
              role: 'listitem',
              children: [{ role: 'link', name: 'Home', children: [{ role: 'StaticText', name: 'Home' }] }],
            },
          ],
        },
        { role: 'textbox', name: 'User\n name', value: 'ann', is: { focusable: true, required: true } },
        { role: 'checkbox', name: 'Stay', is: { checked: 'false', focusable: true } },
        { role: 'button', name: 'Go "now"', is: { disabled: true } },
        { role: 'StaticText', name: 'Forgotten?' },
      ],
    },
  ],
}
const taken = (sketch: Sketch, options: Partial<SnapshotOptions> = {}) =>
  takeSnapshot(treeOf(sketch).tree, { maxChars: 8_000, ...options })

it('has a line for each that means something, and refs for what can be acted on', async () => {
  const { snapshot, refs, elements, stats, truncated } = await taken(form)
  expect(snapshot.split('\n')).toEqual([
    '- heading "Welcome" [level=1]',
    '- list',
    '  - listitem',
    '    - link "Home" [ref=e1]',
    '- textbox "User name" [required] [ref=e2]: ann',
    '- checkbox "Stay" [ref=e3]',
    '- button "Go \\"now\\"" [disabled] [ref=e4]',
    '- text: Forgotten?',
  ])
  expect(refs).toMatchObject({ e1: { role: 'link', name: 'Home' }, e4: { role: 'button' } })
  expect(elements.get('e1')).toBe(106)
  expect([stats, truncated]).toEqual([{ lines: 8, chars: snapshot.length, refs: 4, interactive: 4 }, undefined])
})

it('may be without what has no name, or only what can be acted on, or not so deep', async () => {
  expect((await taken(form, { compact: true })).snapshot).toContain('\n- link "Home" [ref=e1]\n')
  expect((await taken(form, { interactive: true })).snapshot.split('\n')).toEqual([
    '- link "Home" [ref=e1]',
    '- textbox "User name" [required] [ref=e2]: ann',
    '- checkbox "Stay" [ref=e3]',
    '- button "Go \\"now\\"" [disabled] [ref=e4]',
  ])
  expect((await taken(form, { depth: 1 })).snapshot).not.toContain('link')
})

it('ends with the last whole line that fits, and asks for no more of the page', async () => {
  const rows = Array.from({ length: 5_000 }, (_, at): Sketch => ({
    role: 'row',
    name: `row ${at}`,
    children: [{ role: 'button', name: `do ${at}` }],
  }))
  const { tree, asked } = treeOf({ role: 'RootWebArea', children: rows })
  const { snapshot, stats, truncated, elements } = await takeSnapshot(tree, { maxChars: 500 })
  expect([truncated, snapshot.length <= 500, stats.chars]).toEqual([true, true, snapshot.length])
  expect(snapshot.split('\n').every((line) => /^ *- (?:row|button) "[^"]+"(?: \[ref=e\d+\])?$/.test(line))).toBe(true)
  expect(elements.size).toBe(stats.refs)
  expect(asked()).toBeLessThan(50)
})

it('cuts long texts, and stops at depths that no reader follows', async () => {
  const long = await taken({ role: 'RootWebArea', children: [{ role: 'StaticText', name: 'x'.repeat(100_000) }] })
  expect(long.snapshot.length).toBeLessThan(500)
  let deep: Sketch = { role: 'button', name: 'last' }
  for (let at = 0; at < 1_000; at++) deep = { role: 'generic', children: [deep] }
  expect(await taken(deep)).toMatchObject({ snapshot: '', truncated: true })
})
