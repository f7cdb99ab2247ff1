import type { Labelled } from './types.ts'

export const vi: readonly Labelled[] = [
  {
    path: 'vi/su-co-thang-ba',
    text: 'Sự cố ngày 12 tháng ba: dịch vụ đặt hàng ngừng chạy chín phút vì bảng đơn hàng bị khóa khi thay đổi lược đồ. Lần sau sẽ chạy ngoài giờ cao điểm.',
    questions: [
      'vì sao dịch vụ đặt hàng ngừng chạy?',
      'sự cố tháng ba kéo dài bao lâu',
      'su co bang don hang bi khoa',
      'lần sau thay đổi lược đồ khi nào',
      'hệ thống đặt hàng bị sập hôm nào',
    ],
    inOtherWords: ['hôm nào khách không mua được hàng'],
  },
  {
    path: 'vi/anh-hung',
    text: 'Anh Hùng phụ trách nhóm hạ tầng ở Đà Nẵng. Anh ăn chay, không uống rượu và thích nhận tin nhắn hơn là cuộc gọi. Sinh nhật anh là mùng ba tháng sáu.',
    questions: [
      'ai phụ trách nhóm hạ tầng?',
      'sinh nhật anh Hùng ngày nào',
      'anh Hung co an thit khong',
      'nên gọi điện hay nhắn tin cho anh Hùng',
      'nhom ha tang o dau',
    ],
    inOtherWords: ['mời sếp hạ tầng đi nhậu được không'],
  },
  {
    path: 'vi/may-in',
    text: 'Máy in tầng hai báo lỗi 49 thì tắt máy, rút khay số hai và đợi một phút. Mực in để trong tủ cạnh bếp. Nhà cung cấp là công ty Minh Long, số nội bộ 311.',
    questions: [
      'máy in báo lỗi 49 phải làm gì?',
      'mực in để ở đâu',
      'so noi bo cua nha cung cap may in',
      'máy in hỏng thì gọi cho ai',
      'khay số hai',
    ],
    inOtherWords: ['in không ra giấy thì làm thế nào'],
  },
  {
    path: 'vi/cong-tac-phi',
    text: 'Hóa đơn công tác phí nộp trước ngày năm của tháng sau. Ăn trưa với khách hàng dưới năm trăm nghìn đồng một người thì không cần duyệt. Taxi chỉ được thanh toán sau mười giờ tối.',
    questions: [
      'hạn nộp hóa đơn công tác phí là ngày nào?',
      'ăn trưa với khách hàng tối đa bao nhiêu tiền',
      'taxi duoc thanh toan khi nao',
      'có cần duyệt khi mời khách ăn trưa không',
      'hoa don nop truoc ngay nao',
    ],
    inOtherWords: ['đi xe về khuya công ty có trả tiền không'],
  },
  {
    path: 'vi/pho-bo',
    text: 'Nấu phở bò: ninh xương sáu tiếng với gừng nướng, hành nướng, hoa hồi và quế. Bánh phở chần nước sôi mười giây. Cho rau mùi sau cùng.',
    questions: [
      'ninh xương bao nhiêu tiếng?',
      'cach nau pho bo',
      'món phở cần những gia vị gì',
      'chần bánh phở bao lâu',
      'hoa hồi và quế dùng để làm gì',
    ],
    inOtherWords: ['công thức nước dùng bò'],
  },
  {
    path: 'vi/khach-hang-sao-mai',
    text: 'Khách hàng Sao Mai gia hạn hợp đồng hai năm vào tháng hai, bốn mươi tám tài khoản. Họ phàn nàn việc xuất báo cáo chậm và muốn đăng nhập một lần trước mùa hè.',
    questions: [
      'Sao Mai gia hạn hợp đồng mấy năm?',
      'khách hàng nào phàn nàn xuất báo cáo chậm',
      'sao mai co bao nhieu tai khoan',
      'ai cần đăng nhập một lần',
      'hợp đồng Sao Mai ký khi nào',
    ],
    inOtherWords: ['công ty nào không hài lòng về tốc độ'],
  },
  {
    path: 'vi/xe-may',
    text: 'Xe máy thay dầu mỗi hai nghìn cây số, lần gần nhất ở tiệm chú Tư đường Lê Lợi. Lốp sau mòn, cần thay trước Tết.',
    questions: [
      'bao lâu thì thay dầu xe máy?',
      'tiệm sửa xe của chú Tư ở đường nào',
      'khi nao can thay lop sau',
      'thay dau xe may o dau',
      'lốp xe bị mòn',
    ],
    inOtherWords: ['bảo dưỡng xe hai bánh ở chỗ nào'],
  },
  {
    path: 'vi/hoc-tieng-anh',
    text: 'Lớp tiếng Anh của bé Na vào chiều thứ bảy lúc hai giờ ở trung tâm Hoa Sen. Học phí đóng theo quý, cô giáo tên Lan.',
    questions: [
      'bé Na học tiếng Anh lúc mấy giờ?',
      'học phí đóng như thế nào',
      'co giao cua be Na ten gi',
      'trung tâm Hoa Sen',
      'lop tieng anh thu may',
    ],
    inOtherWords: ['lịch học ngoại ngữ của con gái'],
  },
  {
    path: 'vi/du-lich-hue',
    text: 'Chuyến đi Huế tháng tư: ở khách sạn bên sông Hương ba đêm, thăm Đại Nội và lăng Tự Đức, ăn bún bò ở quán bà Tuyết.',
    questions: [
      'ở Huế mấy đêm?',
      'khach san o Hue gan song nao',
      'ăn bún bò ở quán nào',
      'chuyến du lịch tháng tư thăm những đâu',
      'lăng Tự Đức',
    ],
    inOtherWords: ['mùa xuân nhà mình nghỉ ở miền Trung'],
  },
  {
    path: 'vi/quyet-dinh-csdl',
    text: 'Nhóm chọn PostgreSQL thay cho MySQL vì bảo mật theo dòng và tìm kiếm vector. Chị Mai và anh Khoa quyết định hồi đầu năm; nhược điểm là phải học lại cách sao lưu.',
    questions: [
      'vì sao chọn PostgreSQL?',
      'ai quyết định chọn cơ sở dữ liệu',
      'nhuoc diem cua quyet dinh nay la gi',
      'bảo mật theo dòng',
      'sao luu postgresql',
    ],
    inOtherWords: ['lý do dùng hệ quản trị dữ liệu hiện tại'],
  },
]
