/** What the model is told. */

const entityTypes = 'person, organization, project, product, technology, task, event, document, concept, location'
const relationTypes = [
  'works_on, manages, reports_to, collaborates_with',
  'belongs_to, part_of, depends_on, blocks',
  'created, completed, assigned_to, scheduled_for',
  'located_in, based_at',
  'uses, implements, integrates_with',
  'authored, references',
  'provides, requires',
]

export const extractionPrompt = `You read a text and write down the things that it names and how they stand to each other.

Answer with ONE JSON object and nothing else:
{"entities":[{"external_id":"","name":"","entity_type":"","description":"","confidence":0}],"relations":[{"source_entity_id":"","relation_type":"","target_entity_id":"","confidence":0}]}

Entities
- external_id: a canonical id in lower case with hyphens that would come out the same for another text about the same thing. Of a person the full name. Replace pronouns by whom they mean.
- name: as the text writes it, in its own language.
- entity_type: one of ${entityTypes}.
- description: one sentence.
- confidence: 1.0 for what the text says, about 0.8 for what it strongly implies, about 0.5 for what you infer.
- 3 to 15 of them, by how much the text holds. Leave out what is vague ("the team", "a meeting").

Relations
- source_entity_id and target_entity_id: external_ids of your entities.
- relation_type: one of
${relationTypes.map((line) => `  ${line}`).join('\n')}
  related_to is the last resort; rather leave the relation out.

Example
Text: Mai Tran runs the Atlas project. She decided that it will use PostgreSQL.
{"entities":[{"external_id":"mai-tran","name":"Mai Tran","entity_type":"person","description":"Runs the Atlas project.","confidence":1.0},{"external_id":"atlas","name":"Atlas","entity_type":"project","description":"Project run by Mai Tran that uses PostgreSQL.","confidence":1.0},{"external_id":"postgresql","name":"PostgreSQL","entity_type":"technology","description":"Database that Atlas will use.","confidence":1.0}],"relations":[{"source_entity_id":"mai-tran","relation_type":"manages","target_entity_id":"atlas","confidence":1.0},{"source_entity_id":"atlas","relation_type":"uses","target_entity_id":"postgresql","confidence":0.9}]}`

/** Ends a text of which the model sees the beginning alone. */
export const truncationMark = '\n\n[The text goes on; the rest was left out.]'
