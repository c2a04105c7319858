; A small installer as many are: files, settings of machine and user, a shortcut, an uninstaller that is registered.
; makensis -DOUT=setup.exe installer.nsi
Unicode true
Name "FVM Sample"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES\FVM Sample"
InstallDirRegKey HKLM "Software\FVM Sample" "InstallDir"
RequestExecutionLevel admin
SetCompressor /SOLID lzma
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\FVM Sample"

Page directory
Page instfiles
UninstPage instfiles

Section "Files"
  SetOutPath "$INSTDIR"
  File "installer.nsi"
  File /oname=program.exe "${PROGRAM}"
  SetOutPath "$INSTDIR\data\deeper"
  File /oname=copy.txt "installer.nsi"
  WriteINIStr "$INSTDIR\settings.ini" "main" "version" "1.2.3"
  WriteRegStr HKLM "Software\FVM Sample" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "Software\FVM Sample" "User" "yes"
  WriteRegStr HKCR ".fvmsample" "" "FVMSample.Document"
  WriteRegExpandStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "FVM Sample 1.2.3"
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  SetOutPath "$SYSDIR"
  File /oname=fvm-sample.dll "installer.nsi"
  CreateDirectory "$SMPROGRAMS\FVM Sample"
  CreateShortcut "$SMPROGRAMS\FVM Sample\Sample.lnk" "$INSTDIR\program.exe"
  WriteUninstaller "$INSTDIR\uninstall.exe"
SectionEnd

Section "Uninstall"
  Delete "$INSTDIR\installer.nsi"
  Delete "$INSTDIR\program.exe"
  Delete "$INSTDIR\settings.ini"
  Delete "$INSTDIR\uninstall.exe"
  RMDir /r "$INSTDIR\data"
  RMDir "$INSTDIR"
  Delete "$SYSDIR\fvm-sample.dll"
  Delete "$SMPROGRAMS\FVM Sample\Sample.lnk"
  RMDir "$SMPROGRAMS\FVM Sample"
  DeleteRegKey HKLM "${UNINSTALL}"
  DeleteRegKey HKLM "Software\FVM Sample"
  DeleteRegKey HKCU "Software\FVM Sample"
  DeleteRegKey HKCR ".fvmsample"
SectionEnd
