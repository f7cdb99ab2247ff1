/** Notes as agents keep them, and questions with the note that answers each. Written for this test. */

/** By path below `memory/`. */
export const notes: Readonly<Record<string, string>> = {
  'deployment.md':
    '# Deployment\n\nThe deployment of the billing service failed on Tuesday because the migration timed out.',
  'paris.md': '# Paris\n\nThe weather in Paris was rainy when we arrived; the hotel did the best it could.',
  'shopping.md': '# Shopping list (weekend)\n\n- milk (2 l)\n- eggs (12)\n- bread\n- coffee beans',
  'anna.md': 'Anna leads the platform team. She prefers short written updates over meetings.',
  'travel.md': 'Travel policy: book flights in economy, at least two weeks ahead; hotels up to 150 EUR a night.',
  'dentist.md': 'Dentist appointment moved to the 14th of March at 09:30.',
  'database.md': 'We chose PostgreSQL over MySQL for row-level security and for pgvector.',
  'incident-1024.md': 'Incident E-1024: the cache cluster ran out of memory; eviction was switched off by mistake.',
  'car.md': 'The car needs new winter tyres before November. The garage is closed on Mondays.',
  'recipe.md': 'Tomato soup: roast tomatoes with garlic, blend with stock, season with basil.',
  'onboarding.md': 'New employees get a laptop on their first day and read the security handbook.',
  'code-auth.md': '`getUserName(token)` in auth_helpers.ts throws TokenExpiredError when the session is over.',
  'code-retry.md': 'Set MAX_RETRIES=5 in the environment; requests back off exponentially with jitter.',
  'music.md': 'He plays the cello in the city orchestra and practises every evening.',
  'invoice.md': 'Invoices are sent on the last business day; payment terms are 30 days net.',
  'trien-khai.md': 'Bản triển khai của dịch vụ thanh toán thất bại vào thứ ba do hết thời gian chờ.',
  'da-nang.md': 'Chuyến đi Đà Nẵng vào tháng bảy: khách sạn gần biển Mỹ Khê, bay lúc sáu giờ sáng.',
  'ca-phe.md': 'Anh Minh thích uống cà phê sữa đá, không thích trà.',
  'luong.md': 'Lương được trả vào ngày hai mươi lăm hằng tháng qua ngân hàng.',
  'bushu.md': '支付服务的部署在星期二失败了，因为数据库迁移超时。',
  'beijing.md': '北京办公室搬到了朝阳区，新地址在地铁站旁边。',
  'yinshi.md': '王芳对花生过敏，聚餐时不要点含花生的菜。',
  'rizhi.md': '日志保留三十天，之后归档到对象存储。',
  'server-ko.md': '결제 서버는 화요일에 마이그레이션 시간 초과로 중단되었다.',
  'birthday-ko.md': '민수의 생일은 오월 십이일이고 초콜릿 케이크를 좋아한다.',
  'office-ko.md': '서울 사무실에서는 매주 금요일에 회의를 한다.',
  'tokyo-ja.md': '東京のオフィスは渋谷駅の近くにあり、会議室は三階です。',
  'allergy-ja.md': '田中さんはエビのアレルギーがあるので、寿司を頼むときは注意する。',
}

interface Golden {
  question: string
  /** The note that must come first. */
  answer: string
}

const golden = (answer: string, ...questions: string[]): Golden[] =>
  questions.map((question) => ({ question, answer: `memory/${answer}` }))

export const questions: readonly Golden[] = [
  ...golden('deployment.md', 'when did the deployment fail?', 'why did billing deployments fail', 'deploy failure'),
  ...golden('paris.md', 'what was the weather like in Paris?', 'rain in paris'),
  ...golden('shopping.md', 'what do I have to buy: milk', 'shopping', 'coffee'),
  ...golden('anna.md', 'who leads the platform team?', 'how does Anna prefer updates', 'anna'),
  ...golden('travel.md', 'how early must I book a flight?', 'hotel price limit policy'),
  ...golden('dentist.md', 'when is my dentist appointment?', 'dentis'),
  ...golden('database.md', 'why did we choose postgres', 'pgvector', 'row level security'),
  ...golden('incident-1024.md', 'E-1024', 'why did the cache run out of memory?', 'evictions'),
  ...golden('car.md', 'does the car need winter tyres', 'when is the garage closed'),
  ...golden('recipe.md', 'how do I make tomato soup', 'what to season with basil'),
  ...golden('onboarding.md', 'what do new employees get on the first day', 'security handbook'),
  ...golden('code-auth.md', 'getUserName', 'TokenExpiredError', 'get user name token'),
  ...golden('code-retry.md', 'MAX_RETRIES', 'max retries', 'exponential backoff with jitter'),
  ...golden('music.md', 'does he play in an orchestra', 'practise cello'),
  ...golden('invoice.md', 'what are the payment terms of invoices', 'invoice'),
  ...golden('trien-khai.md', 'triển khai thất bại khi nào?', 'trien khai that bai khi nao', 'dịch vụ thanh toán'),
  ...golden('da-nang.md', 'da nang', 'Đà Nẵng', 'khách sạn gần biển ở đâu', 'khach san my khe'),
  ...golden('ca-phe.md', 'anh Minh thích uống gì?', 'ca phe sua da'),
  ...golden('luong.md', 'khi nào trả lương', 'tra luong ngay nao'),
  ...golden('bushu.md', '部署什么时候失败的？', '支付服务为什么失败', '数据库迁移'),
  ...golden('beijing.md', '北京办公室在哪里', '新地址'),
  ...golden('yinshi.md', '王芳对什么过敏？', '花生'),
  ...golden('rizhi.md', '日志保留多少天', '归档'),
  ...golden('server-ko.md', '서버가 언제 중단되었나요?', '결제 서버', '마이그레이션을'),
  ...golden('birthday-ko.md', '민수 생일이 언제야', '초콜릿'),
  ...golden('office-ko.md', '서울 사무실 회의', '금요일은'),
  ...golden('tokyo-ja.md', '東京オフィスはどこですか', '会議室'),
  ...golden('allergy-ja.md', '田中さんのアレルギー', 'エビ'),
]

/** What nothing in the notes has to do with. */
export const unanswered: readonly string[] = ['(', '?!', '💥', 'xylophone quarks', 'kính hiển vi', '量子力学', '우주선']
