package sample

// The names of the generated people: common given and family names, put together at random.

func dutch() *names {
	return &names{
		given:  []string{"Anne", "Bram", "Daan", "Eline", "Femke", "Gijs", "Hanneke", "Iris", "Jeroen", "Koen", "Lotte", "Maarten", "Noor", "Pieter", "Roos", "Sander", "Tess", "Willem", "Yara", "Zoë"},
		family: []string{"de Vries", "van Dijk", "Bakker", "Janssen", "Visser", "Smit", "Meijer", "de Boer", "Mulder", "Bos", "Vos", "Peters", "Hendriks", "van Leeuwen", "Dekker", "Brouwer", "de Wit", "Dijkstra", "Kuipers", "Veenstra"},
	}
}

func german() *names {
	return &names{
		given:  []string{"Anja", "Björn", "Claudia", "Dirk", "Eva", "Friederike", "Günter", "Heike", "Ingo", "Jürgen", "Katrin", "Lukas", "Mareike", "Nils", "Petra", "Rüdiger", "Sabine", "Thomas", "Uwe", "Yasemin"},
		family: []string{"Müller", "Schröder", "Weiß", "Krüger", "Schäfer", "Köhler", "Bauer", "Groß", "Vogel", "Jäger", "Öztürk", "Brandt", "Lange", "Voß", "Böhm", "Seidel", "Haas", "Franke", "Winter", "Kaya"},
	}
}

func english() *names {
	return &names{
		given:  []string{"Alice", "Ben", "Chloe", "Declan", "Emma", "Fergus", "Grace", "Harry", "Imogen", "Jack", "Keira", "Liam", "Maeve", "Niall", "Olivia", "Padraig", "Róisín", "Seán", "Tara", "William"},
		family: []string{"Murphy", "O'Brien", "Walsh", "Smith", "O'Connor", "Byrne", "Ryan", "McCarthy", "Doyle", "Kelly", "Nolan", "Fitzgerald", "Clarke", "Hughes", "D'Arcy", "Taylor", "Wright", "Green", "Hall", "Okafor"},
	}
}

func french() *names {
	return &names{
		given:  []string{"Aurélie", "Benoît", "Camille", "Denis", "Éloïse", "François", "Gaëlle", "Hugo", "Inès", "Jérôme", "Laetitia", "Mathieu", "Noémie", "Olivier", "Pascale", "Rémi", "Solène", "Théo", "Véronique", "Yannick"},
		family: []string{"Lefèvre", "Girard", "Bélanger", "Côté", "Fortin", "Gagné", "Lévesque", "Moreau", "Poirier", "Renaud", "Séguin", "Thibault", "Vasseur", "Bouchard", "Caron", "Dubé", "Émond", "Faucher", "Hébert", "Tremblay"},
	}
}

func polish() *names {
	return &names{
		given:  []string{"Agnieszka", "Bartosz", "Celina", "Dariusz", "Ewa", "Grzegorz", "Halina", "Ireneusz", "Joanna", "Krzysztof", "Łukasz", "Małgorzata", "Norbert", "Paweł", "Renata", "Sławomir", "Tomasz", "Urszula", "Wojciech", "Zofia"},
		family: []string{"Nowak", "Kowalczyk", "Wiśniewska", "Zieliński", "Szymańska", "Dąbrowski", "Kozłowska", "Jankowski", "Mazur", "Krawczyk", "Piotrowska", "Grabowski", "Pawłowska", "Michalski", "Król", "Wieczorek", "Jabłoński", "Wróbel", "Stępień", "Żak"},
	}
}

func portuguese() *names {
	return &names{
		given:  []string{"Ana", "Bruno", "Conceição", "Diogo", "Elisa", "Fábio", "Graça", "Henrique", "Inês", "João", "Luísa", "Márcio", "Natália", "Otávio", "Patrícia", "Raúl", "Sílvia", "Tiago", "Vânia", "Xavier"},
		family: []string{"da Silva", "Santos", "Oliveira", "Souza", "Rodrigues", "Ferreira", "Gonçalves", "Araújo", "Ribeiro", "Simões", "Magalhães", "Guimarães", "Brandão", "Leão", "Pinto", "Moura", "Falcão", "Galvão", "Antunes", "Castelo Branco"},
	}
}

func japanese() *names {
	return &names{
		familyFirst: true,
		given:       []string{"葵", "陽斗", "結衣", "蓮", "美咲", "大翔", "さくら", "悠真", "花子", "健太"},
		family:      []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"},
		latin: []string{
			"aoi", "haruto", "yui", "ren", "misaki", "hiroto", "sakura", "yuma", "hanako", "kenta",
			"sato", "suzuki", "takahashi", "tanaka", "ito", "watanabe", "yamamoto", "nakamura", "kobayashi", "kato",
		},
	}
}

func arabic() *names {
	return &names{
		given:  []string{"أمل", "بلال", "داليا", "فارس", "هناء", "إبراهيم", "ليلى", "محمود", "نور", "ياسمين"},
		family: []string{"الحسيني", "منصور", "الخطيب", "سليمان", "حداد", "النجار", "عبد الرحمن", "الشامي", "فوزي", "العلي"},
		latin: []string{
			"amal", "bilal", "dalia", "fares", "hanaa", "ibrahim", "layla", "mahmoud", "nour", "yasmin",
			"elhusseini", "mansour", "elkhatib", "soliman", "haddad", "elnaggar", "abdelrahman", "elshami", "fawzi", "elali",
		},
	}
}

func hindi() *names {
	return &names{
		given:  []string{"आरव", "दीया", "ईशान", "काव्या", "मीरा", "निखिल", "प्रिया", "रोहन", "सान्वी", "विवेक"},
		family: []string{"शर्मा", "वर्मा", "गुप्ता", "सिंह", "पटेल", "जोशी", "मेहता", "नायर", "राव", "मिश्रा"},
		latin: []string{
			"aarav", "diya", "ishaan", "kavya", "meera", "nikhil", "priya", "rohan", "saanvi", "vivek",
			"sharma", "verma", "gupta", "singh", "patel", "joshi", "mehta", "nair", "rao", "mishra",
		},
	}
}

func offices() []office {
	return []office{
		{name: "Rotterdam", street: "Waalhaven Oostzijde 81", city: "Rotterdam", state: "Zuid-Holland", postal: "3087 BM", country: "Netherlands", iso: "NL", language: "nl-NL", dial: "+31 10", weight: 34, names: dutch()},
		{name: "Hamburg", street: "Überseeallee 10", city: "Hamburg", state: "Hamburg", postal: "20457", country: "Germany", iso: "DE", language: "de-DE", dial: "+49 40", weight: 21, names: german()},
		{name: "Cork", street: "4 Penrose Quay", city: "Cork", state: "Munster", postal: "T23 W2K5", country: "Ireland", iso: "IE", language: "en-IE", dial: "+353 21", weight: 9, names: english()},
		{name: "Montréal", street: "2100 rue de la Commune", city: "Montréal", state: "Québec", postal: "H2L 2C2", country: "Canada", iso: "CA", language: "fr-CA", dial: "+1 514", weight: 7, names: french()},
		{name: "Gdańsk", street: "ul. Na Ostrowiu 1", city: "Gdańsk", state: "pomorskie", postal: "80-873", country: "Poland", iso: "PL", language: "pl-PL", dial: "+48 58", weight: 12, names: polish()},
		{name: "Santos", street: "Av. Portuária, 300", city: "Santos", state: "SP", postal: "11013-560", country: "Brazil", iso: "BR", language: "pt-BR", dial: "+55 13", weight: 6, names: portuguese()},
		{name: "Yokohama", street: "神奈川県横浜市中区海岸通 1", city: "横浜市", state: "神奈川県", postal: "231-0002", country: "Japan", iso: "JP", language: "ja-JP", dial: "+81 45", weight: 5, names: japanese()},
		{name: "Port Said", street: "شارع فلسطين ١٢", city: "بورسعيد", state: "بورسعيد", postal: "42511", country: "Egypt", iso: "EG", language: "ar-EG", dial: "+20 66", weight: 4, names: arabic()},
		{name: "Mumbai", street: "बैलार्ड इस्टेट 7", city: "मुंबई", state: "महाराष्ट्र", postal: "400001", country: "India", iso: "IN", language: "hi-IN", dial: "+91 22", weight: 2, names: hindi()},
	}
}

func teams() []team {
	return []team{
		{name: "Operations", division: "Freight", weight: 41, titles: []string{"Forwarding Agent", "Shift Planner", "Dock Supervisor", "Dispatcher", "Customs Clerk"}},
		{name: "Sales", division: "Commercial", weight: 17, titles: []string{"Account Manager", "Sales Representative", "Tender Analyst"}},
		{name: "Customer Service", division: "Commercial", weight: 13, titles: []string{"Service Agent", "Claims Handler", "Team Coordinator"}},
		{name: "Finance", division: "Corporate", weight: 9, titles: []string{"Accountant", "Controller", "Accounts Payable Clerk"}},
		{name: "IT", division: "Corporate", weight: 8, titles: []string{"Systems Engineer", "Developer", "Service Desk Analyst"}},
		{name: "People", division: "Corporate", weight: 4, titles: []string{"Recruiter", "People Partner", "Payroll Specialist"}},
		{name: "Fleet", division: "Freight", weight: 5, titles: []string{"Mechanic", "Fleet Planner"}},
		{name: "Legal", division: "Corporate", weight: 2, titles: []string{"Counsel", "Compliance Officer"}},
		{name: "Safety", division: "Freight", weight: 1, titles: []string{"Safety Officer"}},
	}
}
