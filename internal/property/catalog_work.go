package property

// workDefs are a person's place in the organization.
func workDefs() []Def {
	return []Def{
		{
			Name: "jobTitle", Kind: KindText,
			Graph: Facts{Path: "jobTitle", Max: 128, SyncLocked: true, Write: write(), Filter: "eq ge le in", Advanced: "ne not sw n", Source: fromUser},
			House: House{Label: "Job title", Section: Work, Auto: "organization-title", Columns: []string{"Job Title", "Title"}},
		},
		{
			Name: "department", Kind: KindText,
			Graph: Facts{Path: "department", OnSelect: true, Max: 64, SyncLocked: true, Write: write(), Filter: some, Advanced: rest, Source: fromUser},
			House: House{Label: "Department", Section: Work},
		},
		{
			Name: "companyName", Kind: KindText,
			Graph: Facts{Path: "companyName", OnSelect: true, Max: 64, SyncLocked: true, Write: write(), Advanced: wide, Source: fromUpdate},
			House: House{Label: "Company name", Section: Work, Auto: "organization"},
		},
		{
			Name: "employeeId", Kind: KindText,
			Graph: Facts{Path: "employeeId", OnSelect: true, Max: 16, SyncLocked: true, Write: write(), Filter: "eq sw", Advanced: "ne not ge le in n", Source: fromUpdate},
			House: House{Label: "Employee ID", Section: Work, Columns: []string{"Employee ID [employeeId]"}},
		},
		{
			Name: "employeeType", Kind: KindText,
			Graph: Facts{
				Path: "employeeType", SyncLocked: true, OnSelect: true, Write: write(), Advanced: "eq ne not ge le in sw", Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Inferred, "directory properties are mastered on-premises; no thread names this one"}},
			},
			House: House{Label: "Employee type", Help: "For example Employee, Contractor, Consultant or Vendor.", Section: Work},
		},
		{
			Name: "employeeHireDate", Kind: KindInstant,
			Graph: Facts{
				Path: "employeeHireDate", OnSelect: true, Delegated: true, SyncLocked: true, Write: write(), Advanced: "eq ne not ge le in", Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Observed, "https://github.com/microsoftgraph/microsoft-graph-docs/issues/18038: neither on-premises nor in the cloud"}},
			},
			House: House{Label: "Hire date", Section: Work},
		},
		{
			Name: "employeeLeaveDateTime", Kind: KindInstant,
			Graph: Facts{
				Path: "employeeLeaveDateTime", Write: []string{"User-LifeCycleInfo.ReadWrite.All+User.Read.All"}, OnSelect: true, Advanced: "eq ne not ge le in",
				Source: fromUpdate, Apart: []Note{{"OnSelect", Documented, fromUser}},
			},
			House: House{Label: "Leave date", Section: Work},
		},
		{
			Name: "employeeOrgData/division", Kind: KindText,
			Graph: Facts{
				Path: "employeeOrgData/division", SyncLocked: true, OnSelect: true, Write: write(), Advanced: "eq ne not ge le in", Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Observed, "https://github.com/microsoftgraph/microsoft-graph-docs/issues/18038: neither on-premises nor in the cloud"}},
			},
			House: House{Label: "Division", Section: Work},
		},
		{
			Name: "employeeOrgData/costCenter", Kind: KindText,
			Graph: Facts{
				Path: "employeeOrgData/costCenter", SyncLocked: true, OnSelect: true, Write: write(), Advanced: "eq ne not ge le in", Source: fromUpdate,
				Apart: []Note{{"SyncLocked", Observed, "https://github.com/microsoftgraph/microsoft-graph-docs/issues/18038: neither on-premises nor in the cloud"}},
			},
			House: House{Label: "Cost center", Section: Work},
		},
	}
}
