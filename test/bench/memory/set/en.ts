import type { Labelled } from './types.ts'

export const en: readonly Labelled[] = [
  {
    path: 'release-2026-03',
    text: '# Release of March\n\nThe checkout service was rolled back on 12 March. A schema change locked the orders table for nine minutes and customers could not pay. Next time we run the change with a lock timeout and off peak.',
    questions: [
      'why was checkout rolled back?',
      'which table was locked by the schema change',
      'when could customers not pay',
      'what do we do differently for the next migration',
      'outage of payments in March',
    ],
    inOtherWords: ['what broke the shop so that people were unable to buy', 'did we ever have to undo a deployment'],
  },
  {
    path: 'on-call',
    text: '# On call\n\nThe rota changes every Monday at 10:00. Whoever is on call answers a page within fifteen minutes; after that it goes to the second engineer, then to Priya. Nights are paid one and a half times.',
    questions: [
      'how fast must I answer a page?',
      'when does the on-call rota change',
      'who is the last person in the escalation',
      'how much extra money for working at night',
      'on call handover time',
    ],
    inOtherWords: [
      'how long do I have to respond to an alert',
      'who gets woken up if the first person sleeps through it',
    ],
  },
  {
    path: 'people/priya',
    text: 'Priya Raman runs the infrastructure group from Lisbon. She is vegetarian, does not drink alcohol and prefers to be written to before she is called. Her birthday is 3 June.',
    questions: [
      'where does Priya live',
      "when is Priya's birthday?",
      'may I order steak for the head of infrastructure',
      'should I phone Priya or send her a message',
      'who runs the infrastructure group',
    ],
    inOtherWords: ['can I bring wine as a present for my manager', 'dietary needs of the team lead in Portugal'],
  },
  {
    path: 'people/tom',
    text: 'Tom is new in the sales team since May. He has two daughters, plays chess on Thursdays and is afraid of flying, so he takes the train to the London office.',
    questions: [
      'how does Tom travel to London?',
      'what are Toms hobbies',
      'which day does Tom play chess',
      'does Tom have children',
      'who is afraid of flying',
    ],
    inOtherWords: ['which colleague would rather not get on a plane', 'who joined to sell our product this spring'],
  },
  {
    path: 'office/printer',
    text: 'Printer on the second floor: when it shows error 49, switch it off, take out tray 2 and wait a minute. Toner is in the cupboard beside the kitchen. The supplier is Brandt, phone extension 311.',
    questions: [
      'what does error 49 on the printer mean',
      'where do we keep toner?',
      'whom do I call when the printer is broken',
      'extension of the printer supplier',
      'printer jam tray 2',
    ],
    inOtherWords: ['the copier is not working, where do I get help', 'we are out of ink'],
  },
  {
    path: 'expenses',
    text: '# Expenses\n\nHand in receipts by the fifth of the following month. Meals with customers up to 60 EUR a person need no approval. Taxis are paid only after 22:00 or with luggage.',
    questions: [
      'until when must receipts be handed in',
      'can I take a cab home after dinner',
      'how much may a business lunch cost',
      'do meals with customers need approval?',
      'reimbursement deadline',
    ],
    inOtherWords: ['will the company pay for my ride home late at night', 'how do I get my money back after a trip'],
  },
  {
    path: 'home/boiler',
    text: 'The boiler in the basement was serviced in October. If the pressure falls below 1.2 bar, open the blue valve slowly until it reads 1.6. The plumber is Mr Keller.',
    questions: [
      'what pressure should the boiler have?',
      'the heating lost pressure, what do I do',
      'when was the boiler last serviced',
      'name of our plumber',
      'which valve do I open',
    ],
    inOtherWords: ['the radiators stay cold, what can I try', 'who fixes our pipes'],
  },
  {
    path: 'garden',
    text: 'Tomatoes go outside after the middle of May. Water in the evening, never on the leaves. The hedge must not be cut between March and September because birds nest in it.',
    questions: [
      'when may I plant tomatoes outside',
      'is it allowed to trim the hedge in summer',
      'how should I water the tomatoes?',
      'what time of day to water plants',
      'why must the hedge not be cut',
    ],
    inOtherWords: ['when do vegetables go into the open ground', 'why should the bushes be left alone in spring'],
  },
  {
    path: 'customers/northwind',
    text: 'Northwind renewed for two years in February, 48 seats. They want single sign-on with their own identity provider before summer, and they complained twice about slow exports.',
    questions: [
      'how many seats does Northwind have?',
      'what did Northwind complain about',
      'which customer wants SSO',
      'when does the Northwind contract end',
      'northwind renewal',
    ],
    inOtherWords: ['which client is unhappy with performance', 'whose subscription was extended'],
  },
  {
    path: 'decisions/queue',
    text: 'We moved from RabbitMQ to NATS in spring: fewer parts to run, replay of old messages, and one binary. The price is that there are no priority queues. The decision was made by Ana and Jon.',
    questions: [
      'why did we move to NATS?',
      'who decided about the message broker',
      'what did we lose by leaving RabbitMQ',
      'priority queues',
      'advantages of nats over rabbitmq',
    ],
    inOtherWords: ['what is the drawback of our messaging system', 'why did we switch brokers'],
  },
]
