//! The complete documented list: facts §4.3 [DOC api-reference/latest/crm/associations/associate-records/guide].

use super::AssociationType;
use super::Label::{self, Billing, ChildToParent, ParentToChild, Primary, Signer, Unlabelled, Upcoming};

const fn plain(from: &'static str, to: &'static str, id: u32) -> AssociationType {
    AssociationType { from, to, id, label: Unlabelled }
}

const fn labelled(from: &'static str, to: &'static str, id: u32, label: Label) -> AssociationType {
    AssociationType { from, to, id, label }
}

/// Grouped by the type an association starts from.
#[rustfmt::skip]
pub(super) static TYPES: [AssociationType; 410] = [
    plain("company", "company", 450), labelled("company", "company", 14, ChildToParent),
    labelled("company", "company", 13, ParentToChild), plain("company", "contact", 280),
    labelled("company", "contact", 2, Primary), labelled("company", "contact", 930, Billing),
    plain("company", "deal", 342), labelled("company", "deal", 6, Primary), plain("company", "ticket", 340),
    labelled("company", "ticket", 25, Primary), plain("company", "call", 181), plain("company", "email", 185),
    plain("company", "lead", 611), plain("company", "meeting", 187), plain("company", "note", 189),
    plain("company", "task", 191), plain("company", "communication", 88),
    plain("company", "postal_mail", 460), plain("company", "invoice", 180), plain("company", "order", 935),
    labelled("company", "order", 510, Primary), plain("company", "payment", 390),
    plain("company", "payment_link", 472), plain("company", "quote", 72),
    labelled("company", "quote", 1335, Billing), plain("company", "subscription", 298),
    plain("company", "appointment", 909), plain("company", "course", 939), plain("company", "listing", 885),
    plain("company", "service", 793), plain("company", "feedback_submission", 929),
    plain("company", "project", 1237),

    plain("contact", "contact", 449), plain("contact", "company", 279),
    labelled("contact", "company", 1, Primary), labelled("contact", "company", 931, Billing),
    plain("contact", "deal", 4), plain("contact", "ticket", 15), plain("contact", "call", 193),
    plain("contact", "email", 197), plain("contact", "meeting", 199), plain("contact", "note", 201),
    plain("contact", "task", 203), plain("contact", "communication", 82),
    plain("contact", "postal_mail", 454), plain("contact", "cart", 587), plain("contact", "order", 508),
    plain("contact", "invoice", 178), plain("contact", "payment", 388), plain("contact", "payment_link", 470),
    plain("contact", "subscription", 296), plain("contact", "appointment", 907),
    plain("contact", "course", 861), plain("contact", "listing", 883), plain("contact", "service", 799),
    plain("contact", "feedback_submission", 97), plain("contact", "project", 1243),
    plain("contact", "lead", 609), plain("contact", "quote", 70), labelled("contact", "quote", 703, Signer),
    labelled("contact", "quote", 1227, Billing),

    plain("deal", "deal", 451), plain("deal", "contact", 3), plain("deal", "company", 341),
    labelled("deal", "company", 5, Primary), plain("deal", "ticket", 27), plain("deal", "call", 205),
    plain("deal", "lead", 1038), labelled("deal", "lead", 583, Primary), plain("deal", "email", 209),
    plain("deal", "goal", 1357), plain("deal", "meeting", 211), plain("deal", "note", 213),
    plain("deal", "task", 215), plain("deal", "communication", 86), plain("deal", "postal_mail", 458),
    plain("deal", "deal_split", 313), plain("deal", "line_item", 19), plain("deal", "cart", 1346),
    plain("deal", "invoice", 176), plain("deal", "order", 511), plain("deal", "payment", 392),
    plain("deal", "payment_link", 474), plain("deal", "quote", 63), plain("deal", "subscription", 300),
    plain("deal", "appointment", 945), plain("deal", "course", 863), plain("deal", "listing", 887),
    plain("deal", "service", 795), plain("deal", "feedback_submission", 985), plain("deal", "project", 1239),

    plain("ticket", "ticket", 452), plain("ticket", "contact", 16), plain("ticket", "company", 339),
    labelled("ticket", "company", 26, Primary), plain("ticket", "deal", 28), plain("ticket", "call", 219),
    plain("ticket", "email", 223), plain("ticket", "meeting", 225), plain("ticket", "note", 227),
    plain("ticket", "task", 229), plain("ticket", "communication", 84), plain("ticket", "postal_mail", 456),
    plain("ticket", "thread", 32), plain("ticket", "conversation", 278), plain("ticket", "order", 526),
    plain("ticket", "appointment", 947), plain("ticket", "course", 941), plain("ticket", "listing", 943),
    plain("ticket", "service", 797), plain("ticket", "subscription", 1122), plain("ticket", "payment", 1355),
    plain("ticket", "feedback_submission", 99), plain("ticket", "project", 1241),

    plain("lead", "contact", 608), labelled("lead", "contact", 578, Primary), plain("lead", "company", 610),
    labelled("lead", "company", 580, Primary), plain("lead", "deal", 1037),
    labelled("lead", "deal", 582, Primary), plain("lead", "call", 596), plain("lead", "email", 598),
    plain("lead", "meeting", 600), plain("lead", "note", 854), plain("lead", "task", 646),
    plain("lead", "communication", 602), plain("lead", "feedback_submission", 1162),

    plain("appointment", "contact", 906), plain("appointment", "company", 908),
    plain("appointment", "deal", 944), plain("appointment", "ticket", 946), plain("appointment", "call", 912),
    plain("appointment", "email", 916), plain("appointment", "meeting", 918),
    plain("appointment", "note", 920), plain("appointment", "task", 922),
    plain("appointment", "communication", 924), plain("appointment", "postal_mail", 926),
    plain("appointment", "project", 1325),

    plain("goal", "campaign", 809), plain("goal", "deal", 1356), plain("goal", "goal_target_group", 333),

    plain("course", "contact", 860), plain("course", "company", 938), plain("course", "deal", 862),
    plain("course", "ticket", 940), plain("course", "call", 866), plain("course", "email", 870),
    plain("course", "meeting", 872), plain("course", "note", 874), plain("course", "task", 876),
    plain("course", "communication", 878), plain("course", "postal_mail", 880),
    plain("course", "project", 1323),

    plain("listing", "contact", 882), plain("listing", "company", 884), plain("listing", "deal", 886),
    plain("listing", "ticket", 942), plain("listing", "call", 890), plain("listing", "email", 894),
    plain("listing", "meeting", 896), plain("listing", "note", 898), plain("listing", "task", 900),
    plain("listing", "communication", 902), plain("listing", "postal_mail", 904),
    plain("listing", "project", 1321),

    plain("service", "contact", 798), plain("service", "company", 792), plain("service", "deal", 794),
    plain("service", "ticket", 796), plain("service", "call", 840), plain("service", "email", 842),
    plain("service", "meeting", 838), plain("service", "note", 836), plain("service", "task", 852),
    plain("service", "communication", 846), plain("service", "postal_mail", 848),
    plain("service", "project", 1245),

    plain("call", "appointment", 913), plain("call", "company", 182), plain("call", "contact", 194),
    plain("call", "deal", 206), plain("call", "feedback_submission", 1156), plain("call", "lead", 597),
    plain("call", "order", 773), plain("call", "course", 867), plain("call", "listing", 891),
    plain("call", "project", 1258), plain("call", "service", 841), plain("call", "ticket", 220),

    plain("email", "appointment", 917), plain("email", "company", 186), plain("email", "contact", 198),
    plain("email", "course", 871), plain("email", "deal", 210), plain("email", "order", 777),
    plain("email", "listing", 895), plain("email", "project", 1260), plain("email", "service", 843),
    plain("email", "ticket", 224),

    plain("feedback_submission", "contact", 98), plain("feedback_submission", "company", 928),
    plain("feedback_submission", "deal", 984), plain("feedback_submission", "ticket", 100),
    plain("feedback_submission", "call", 1155), plain("feedback_submission", "cart", 1157),
    plain("feedback_submission", "subscription", 1173), plain("feedback_submission", "invoice", 1159),
    plain("feedback_submission", "lead", 1161), plain("feedback_submission", "order", 1167),
    plain("feedback_submission", "quote", 1171), plain("feedback_submission", "payment", 1169),

    plain("meeting", "contact", 200), plain("meeting", "company", 188), plain("meeting", "deal", 212),
    plain("meeting", "ticket", 226), plain("meeting", "lead", 601), plain("meeting", "order", 769),
    plain("meeting", "appointment", 919), plain("meeting", "course", 873), plain("meeting", "listing", 897),
    plain("meeting", "service", 839),

    plain("note", "contact", 202), plain("note", "company", 190), plain("note", "deal", 214),
    plain("note", "ticket", 228), plain("note", "lead", 855), plain("note", "order", 765),
    plain("note", "appointment", 921), plain("note", "course", 875), plain("note", "listing", 899),
    plain("note", "service", 837), plain("note", "project", 1249),

    plain("postal_mail", "contact", 453), plain("postal_mail", "company", 459),
    plain("postal_mail", "deal", 457), plain("postal_mail", "ticket", 455),
    plain("postal_mail", "appointment", 927), plain("postal_mail", "course", 881),
    plain("postal_mail", "listing", 905), plain("postal_mail", "order", 788),
    plain("postal_mail", "service", 849), plain("postal_mail", "project", 1264),

    plain("task", "contact", 204), plain("task", "company", 192), plain("task", "deal", 216),
    plain("task", "ticket", 230), plain("task", "lead", 647), plain("task", "quote", 218),
    plain("task", "order", 727), plain("task", "appointment", 923), plain("task", "course", 877),
    plain("task", "listing", 901), plain("task", "service", 853), plain("task", "project", 1247),

    plain("communication", "contact", 81), plain("communication", "company", 87),
    plain("communication", "deal", 85), plain("communication", "ticket", 83),
    plain("communication", "lead", 603), plain("communication", "order", 785),
    plain("communication", "appointment", 925), plain("communication", "course", 879),
    plain("communication", "listing", 903), plain("communication", "service", 847),
    plain("communication", "project", 1282),

    plain("invoice", "contact", 177), plain("invoice", "company", 179), plain("invoice", "deal", 175),
    plain("invoice", "quote", 407), plain("invoice", "subscription", 622),
    plain("invoice", "payment_link", 815), plain("invoice", "order", 517), plain("invoice", "ticket", 986),
    plain("invoice", "line_item", 409), plain("invoice", "discount", 411), plain("invoice", "fee", 413),
    plain("invoice", "tax", 415), plain("invoice", "payment", 541),
    plain("invoice", "payment_schedule_installment", 691), plain("invoice", "data_sync_state", 679),
    plain("invoice", "feedback_submission", 1160),

    plain("payment", "company", 389), plain("payment", "contact", 387), plain("payment", "deal", 391),
    plain("payment", "discount", 428), plain("payment", "fee", 1326),
    plain("payment", "feedback_submission", 1170), plain("payment", "invoice", 542),
    plain("payment", "line_item", 395), plain("payment", "order", 524), plain("payment", "payment_link", 476),
    plain("payment", "quote", 397), plain("payment", "subscription", 393), plain("payment", "ticket", 1354),

    plain("payment_link", "payment", 475), plain("payment_link", "contact", 469),
    plain("payment_link", "company", 471), plain("payment_link", "deal", 473),
    plain("payment_link", "discount", 682), plain("payment_link", "fee", 686),
    plain("payment_link", "invoice", 814), plain("payment_link", "line_item", 758),
    plain("payment_link", "subscription", 477), plain("payment_link", "tax", 684),

    plain("quote", "contact", 69), labelled("quote", "contact", 1226, Billing),
    labelled("quote", "contact", 702, Signer), plain("quote", "company", 71),
    labelled("quote", "company", 1334, Billing), plain("quote", "deal", 64), plain("quote", "line_item", 67),
    plain("quote", "quote_template", 286), plain("quote", "discount", 362), plain("quote", "fee", 364),
    plain("quote", "tax", 366), plain("quote", "task", 217), plain("quote", "cart", 733),
    plain("quote", "invoice", 408), plain("quote", "order", 731), plain("quote", "payment", 398),
    plain("quote", "subscription", 304), plain("quote", "feedback_submission", 1172),

    plain("line_item", "abandoned_cart", 571), plain("line_item", "cart", 591),
    plain("line_item", "payment", 396), plain("line_item", "deal", 20), plain("line_item", "discount", 368),
    plain("line_item", "invoice", 410), plain("line_item", "order", 514),
    plain("line_item", "payment_link", 759), plain("line_item", "project", 1345),
    plain("line_item", "quote", 68), plain("line_item", "subscription", 302),
    labelled("line_item", "subscription", 565, Upcoming),

    plain("order", "call", 772), plain("order", "cart", 593), plain("order", "contact", 507),
    plain("order", "communication", 784), plain("order", "company", 934),
    labelled("order", "company", 509, Primary), plain("order", "deal", 512), plain("order", "discount", 519),
    plain("order", "discount_code", 521), plain("order", "email", 776),
    plain("order", "feedback_submission", 1168), plain("order", "invoice", 518),
    plain("order", "line_item", 513), plain("order", "meeting", 768), plain("order", "note", 764),
    plain("order", "payment", 523), plain("order", "postal_mail", 789), plain("order", "quote", 730),
    plain("order", "subscription", 516), plain("order", "task", 726), plain("order", "ticket", 525),

    plain("cart", "contact", 586), plain("cart", "deal", 1347), plain("cart", "discount", 588),
    plain("cart", "line_item", 590), plain("cart", "order", 592), plain("cart", "quote", 732),
    plain("cart", "task", 728), plain("cart", "ticket", 594), plain("cart", "feedback_submission", 1158),

    plain("discount", "deal", 369), plain("discount", "quote", 361), plain("discount", "invoice", 412),
    plain("discount", "payment_link", 683), plain("discount", "order", 520), plain("discount", "cart", 589),
    plain("discount", "line_item", 367),

    plain("fee", "payment", 1327), plain("fee", "payment_link", 687), plain("fee", "quote", 363),
    plain("fee", "invoice", 414),

    plain("subscription", "contact", 295), plain("subscription", "company", 297),
    plain("subscription", "deal", 299), plain("subscription", "ticket", 1121),
    plain("subscription", "invoice", 623), plain("subscription", "line_item", 301),
    plain("subscription", "quote", 303), plain("subscription", "payment_link", 478),
    plain("subscription", "order", 515), plain("subscription", "feedback_submission", 1174),

    plain("tax", "payment_link", 685), plain("tax", "quote", 365), plain("tax", "invoice", 416),

    plain("project", "appointment", 1324), plain("project", "call", 1257),
    plain("project", "communication", 1281), plain("project", "company", 1236),
    labelled("project", "company", 1299, Primary), plain("project", "contact", 1242),
    plain("project", "conversation_session", 1261), plain("project", "course", 1322),
    plain("project", "data_sync", 1304), plain("project", "deal", 1238), plain("project", "email", 1259),
    plain("project", "engagement", 1252), plain("project", "listing", 1320),
    plain("project", "marketing_event", 1250), plain("project", "meeting_event", 1255),
    plain("project", "note", 1248), plain("project", "postal_mail", 1263), plain("project", "project", 1254),
    plain("project", "service", 1244), plain("project", "task", 1246), plain("project", "ticket", 1240),
];
