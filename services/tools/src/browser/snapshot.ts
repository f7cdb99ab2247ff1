/**
 * A page as the accessibility tree of it, in lines that a model reads. Of a page of any size only as much of the tree is
 * asked for as is shown.
 */
import { cutText } from '@clawmesh/chassis'
import type { Protocol } from 'puppeteer-core'
import type { Snapshot, SnapshotOptions } from './types.ts'

export type TreeNode = Protocol.Accessibility.AXNode

/** What is asked of the browser, one node after the other. */
export interface AccessibilityTree {
  root: () => Promise<TreeNode>
  /** Nodes below one, its children among them. */
  below: (node: TreeNode) => Promise<readonly TreeNode[]>
  /** The root of the document in a frame; undefined where it is another site's. */
  document: (frame: TreeNode) => Promise<TreeNode | undefined>
}

/** What can be acted on. */
const interactiveRoles = new Set([
  'button',
  'checkbox',
  'combobox',
  'ComboBoxMenuButton',
  'ComboBoxSelect',
  'link',
  'listbox',
  'menuitem',
  'menuitemcheckbox',
  'menuitemradio',
  'option',
  'radio',
  'searchbox',
  'slider',
  'spinbutton',
  'switch',
  'tab',
  'textbox',
  'treeitem',
])
/** Without a meaning of their own: what is in them stands in their place. */
const transparentRoles = new Set(['', 'none', 'generic', 'presentation', 'InlineTextBox', 'LineBreak', 'RootWebArea'])
const frameRoles = new Set(['Iframe', 'IframePresentational'])
const shownProperties = ['level', 'checked', 'pressed', 'expanded', 'selected', 'disabled', 'required', 'invalid']
const mostName = 400
/** However long the page: so many nodes are looked at. */
const mostNodes = 20_000
const deepest = 200

const textOf = (value: Protocol.Accessibility.AXValue | undefined): string =>
  value?.value === undefined ? '' : cutText(String(value.value), mostName).replace(/\s+/g, ' ').trim()

const propertyOf = (node: TreeNode, name: string): string | boolean | number | undefined =>
  // What is looked for has no other values.
  node.properties?.find((property) => String(property.name) === name)?.value.value as
    string | boolean | number | undefined

const marksOf = (node: TreeNode): string[] =>
  shownProperties.flatMap((name) => {
    const value = propertyOf(node, name)
    if (value === undefined || value === false || value === 'false') return []
    return [value === true || value === 'true' ? name : `${name}=${cutText(String(value), 20)}`]
  })

/** @returns the lines, and what the refs in them stand for */
export const takeSnapshot = async (
  tree: AccessibilityTree,
  { maxChars, interactive = false, compact = false, depth = deepest }: SnapshotOptions,
): Promise<Pick<Snapshot, 'snapshot' | 'refs' | 'stats' | 'truncated'> & { elements: Map<string, number> }> => {
  const lines: string[] = []
  const refs: Record<string, { role: string; name: string }> = {}
  const elements = new Map<string, number>()
  const known = new Map<string, TreeNode>()
  let chars = 0
  let looked = 0
  let acting = 0
  let truncated = false as boolean

  const say = (line: string): boolean => {
    if (chars + line.length + 1 > maxChars) {
      truncated = true
      return false
    }
    lines.push(line)
    chars += line.length + 1
    return true
  }

  const childrenOf = async (node: TreeNode): Promise<TreeNode[]> => {
    const ids = node.childIds ?? []
    if (ids.some((id) => !known.has(id))) for (const found of await tree.below(node)) known.set(found.nodeId, found)
    return ids.flatMap((id) => {
      const child = known.get(id)
      known.delete(id)
      return child ?? []
    })
  }

  /** Where a line of its own stands for the node, what is below it stands deeper. */
  const lineOf = (node: TreeNode, indent: number): string | undefined => {
    const role = textOf(node.role)
    const name = textOf(node.name)
    if (node.ignored || transparentRoles.has(role)) return undefined
    const acts = interactiveRoles.has(role) || (propertyOf(node, 'focusable') === true && role !== 'Iframe')
    if (interactive && !acts) return undefined
    if (role === 'StaticText') return name === '' ? undefined : `${'  '.repeat(indent)}- text: ${name}`
    if (compact && !acts && name === '') return undefined
    const ref = acts && node.backendDOMNodeId !== undefined ? `e${elements.size + 1}` : undefined
    const marks = [...marksOf(node), ...(ref === undefined ? [] : [`ref=${ref}`])].map((mark) => ` [${mark}]`)
    const value = textOf(node.value)
    const line = `${'  '.repeat(indent)}- ${role}${name === '' ? '' : ` ${JSON.stringify(name)}`}${marks.join('')}${value === '' ? '' : `: ${value}`}`
    if (acts && chars + line.length + 1 <= maxChars) acting++
    if (ref !== undefined && chars + line.length + 1 <= maxChars) {
      elements.set(ref, node.backendDOMNodeId!)
      refs[ref] = { role, name }
    }
    return line
  }

  /** @returns whether there is more to say. @param said the name that stands above, which its text would only repeat */
  const walk = async (node: TreeNode, indent: number, level: number, said: string): Promise<boolean> => {
    if (++looked > mostNodes || level > deepest) {
      truncated = true
      return level > deepest
    }
    const role = textOf(node.role)
    const name = textOf(node.name)
    const line = role === 'StaticText' && said.includes(name) ? undefined : lineOf(node, interactive ? 0 : indent)
    if (line !== undefined && !say(line)) return false
    if (role === 'StaticText') return true
    const below = line === undefined || interactive ? indent : indent + 1
    if (below > depth) return true
    if (frameRoles.has(role)) {
      const root = await tree.document(node)
      return root === undefined ? true : walk(root, below, level + 1, '')
    }
    for (const child of await childrenOf(node)) {
      if (!(await walk(child, below, level + 1, line === undefined ? said : name))) return false
    }
    return true
  }

  await walk(await tree.root(), 0, 0, '')
  return {
    snapshot: lines.join('\n'),
    refs,
    elements,
    stats: { lines: lines.length, chars: Math.max(chars - 1, 0), refs: elements.size, interactive: acting },
    ...(truncated && { truncated }),
  }
}
